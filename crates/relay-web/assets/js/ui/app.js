/** The whole page. */

import { useEffect, useState } from '../../vendor/preact-hooks.mjs';
import { Component } from '../../vendor/preact.mjs';
import { t } from '../i18n.js';
import { board, busy, pins, rows, url } from '../state/page.js';
import { theme } from '../state/settings.js';
import { Cards } from './cards.js';
import { DetailView } from './detail.js';
import { Footer } from './footer.js';
import { Header, Summary } from './header.js';
import { html } from './html.js';
import { Method } from './method.js';
import { Picture } from './picture.js';
import { Banners, Broken, NotFound, Nothing, Waiting } from './states.js';
import { Table } from './table.js';
import { Toolbar } from './toolbar.js';
import { Tooltip } from './tooltip.js';

/** @typedef {import('../config.js').PageConfig} PageConfig */

/** Below this the table has no room for a history. */
const NARROW = matchMedia('(max-width: 44.99rem)');
const NARROW_BLOCKS = 50;

function useNarrow() {
  const [narrow, setNarrow] = useState(NARROW.matches);
  useEffect(() => {
    const change = () => setNarrow(NARROW.matches);
    NARROW.addEventListener('change', change);
    return () => NARROW.removeEventListener('change', change);
  }, []);
  return narrow;
}

/** @param {{config: PageConfig, narrow: boolean, view: string}} props */
function Monitors({ config, narrow, view }) {
  const data = board.value;
  const shown = rows.value;
  if (data === null) return html`<${Waiting} />`;
  if (shown.length === 0) return html`<${Nothing} />`;
  const limit = narrow ? NARROW_BLOCKS : Infinity;
  const outdated = busy.value && data.period !== url.value.period;
  return html`<div class=${outdated ? 'outdated' : ''} aria-busy=${outdated}>${view === 'grid'
    ? html`<${Cards} board=${data} rows=${shown} theme=${theme.value} prefix=${config.prefix} limit=${limit} pins=${pins.value} />`
    : html`<${Table} board=${data} rows=${shown} sorting=${url.value.sorting} theme=${theme.value} prefix=${config.prefix} limit=${limit} pins=${pins.value} />`}</div>`;
}

/** Goes to the monitors without a trace in the address, to which "back" would return. @param {Event} event */
function skip(event) {
  event.preventDefault();
  document.getElementById('monitors')?.focus();
}

/** @param {{config: PageConfig}} props */
function Page({ config }) {
  const narrow = useNarrow();
  const view = url.value.view || (narrow ? 'grid' : 'table');
  const embedded = url.value.embed && config.provider !== '';
  return html`
    <a class="skip" href="#monitors" onClick=${skip}>${t('skip')}</a>
    ${config.demo && html`<aside class="demo">${t('demo.banner')}</aside>`}
    ${!embedded && html`<${Header} config=${config} />`}
    <main id="monitors" tabindex="-1">
      ${config.missing
        ? html`<${NotFound} prefix=${config.prefix} />`
        : html`<h1 class=${config.provider ? 'page-title' : 'hidden'} dir="auto">${config.providerName || config.title}</h1>
          <${Summary} /><${Toolbar} view=${view} provider=${config.provider} /><${Banners} />
          <${Monitors} config=${config} narrow=${narrow} view=${view} />`}
    </main>
    ${!embedded && html`<${Footer} config=${config} />`}
    <${DetailView} /><${Method} /><${Tooltip} />`;
}

/** Shows a way out instead of an empty page when drawing fails. */
export class App extends /** @type {typeof Component<{config: PageConfig}>} */ (Component) {
  state = { broken: false };

  /** @param {unknown} error */
  componentDidCatch(error) {
    console.error(error);
    document.body.dataset.error = 'broken';
    this.setState({ broken: true });
  }

  /** @param {{config: PageConfig}} props */
  render({ config }) {
    if (this.state.broken) return html`<${Broken} />`;
    return url.peek().screenshot ? html`<${Picture} config=${config} />` : html`<${Page} config=${config} />`;
  }
}
