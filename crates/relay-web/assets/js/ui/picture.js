/** The page as a picture for a notification: 1,200 pixels wide, dark, without controls. Says on the body when it is done. */

import { useEffect } from '../../vendor/preact-hooks.mjs';
import { format, t } from '../i18n.js';
import { board, failure, loadedAt, rows, url } from '../state/page.js';
import { theme } from '../state/settings.js';
import { Summary } from './header.js';
import { html } from './html.js';
import { Logo } from './icons.js';
import { Nothing, Waiting } from './states.js';
import { Table } from './table.js';

/** @param {{config: import('../config.js').PageConfig}} props */
export function Picture({ config }) {
  const [data, shown, error] = [board.value, rows.value, failure.value];
  useEffect(() => {
    if (data === null && error !== null) {
      document.body.dataset.error = error.code > 0 ? `${error.reason} ${error.code}` : error.reason;
      return undefined;
    }
    if (data === null) return undefined;
    delete document.body.dataset.error;
    // The frame after next is painted with everything this one draws.
    let frame = requestAnimationFrame(() => {
      frame = requestAnimationFrame(() => {
        document.body.dataset.ready = 'true';
      });
    });
    return () => cancelAnimationFrame(frame);
  }, [data, error]);
  return html`<main class="picture" inert>
    <header class="picture-head"><${Logo} /><h1 class="clip" dir="auto">${url.value.title || config.providerName || config.title}</h1>
      <span class="muted">${t(`period.${url.value.period}`)}${loadedAt.value > 0 && ` · ${t('screenshot.time', { time: format().moment(loadedAt.value) })}`}</span></header>
    <${Summary} />
    ${data === null ? html`<${Waiting} />` : shown.length === 0 ? html`<${Nothing} />`
      : html`<${Table} board=${data} rows=${shown} sorting=${url.value.sorting} theme=${theme.value} prefix=${config.prefix} limit=${Infinity} pins=${0} whole=${true} />`}
  </main>`;
}
