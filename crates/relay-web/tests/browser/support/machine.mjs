/** What `cargo xtask web` found or made for the tests: programs, packages, a folder for pictures. */

import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

/** @param {string} name */
function given(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: run these tests with \`cargo xtask web\``);
  return value;
}

export const SERVER = given('RELAY_WEB_SERVER');
const CHROMIUM = given('RELAY_WEB_CHROMIUM');
const ARTIFACTS = given('RELAY_WEB_ARTIFACTS');
const require = createRequire(join(given('RELAY_WEB_PACKAGES'), 'package.json'));
const { chromium } = /** @type {typeof import('playwright-core')} */ (require('playwright-core'));

/** The source of axe-core, which runs inside the page. */
export const AXE = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

/** Long enough for a busy machine; nothing should come near it. */
export const PATIENCE_MS = 20_000;

/** Starts the browser. */
export function launch() {
  // Chromium's own sandbox refuses to run as root, as containers do; what is shown here is our own page.
  const root = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  return chromium.launch({
    executablePath: CHROMIUM,
    args: [...root, '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--no-first-run'],
  });
}

/** Returns where a picture is kept. @param {string} name */
export function artifact(name) {
  mkdirSync(ARTIFACTS, { recursive: true });
  return join(ARTIFACTS, name);
}

/**
 * Asks again and again until something is as wanted.
 * @param {string} what For the message.
 * @param {() => Promise<boolean>|boolean} holds
 */
export async function until(what, holds) {
  const end = performance.now() + PATIENCE_MS;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`not within ${PATIENCE_MS} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
