/** Starts the page: words first, then data and drawing at the same time. */

import { h, render } from '../vendor/preact.mjs';
import { readConfig } from './config.js';
import { setLanguage } from './i18n.js';
import { startRefreshing } from './state/refresh.js';
import { App } from './ui/app.js';

const root = document.getElementById('app');
if (root !== null) {
  const config = readConfig(root);
  if (!config.missing) startRefreshing(config.provider);
  try {
    const words = await fetch(new URL(`../locales/${config.lang}.json`, import.meta.url));
    setLanguage(config.lang, await words.json());
    root.replaceChildren();
    render(h(App, { config }), root);
  } catch (error) {
    root.textContent = 'This page could not be loaded completely. Please load it again.';
    throw error;
  }
}
