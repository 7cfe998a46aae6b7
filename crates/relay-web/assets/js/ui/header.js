/** Top of the page: name, state of everything at a glance, freshness, theme, language. */

import { format, language, LANGUAGES, t } from '../i18n.js';
import { safeUrl } from '../logic/format.js';
import { board, busy, failure, loadedAt, summary, url } from '../state/page.js';
import { coolingDown, refreshNow } from '../state/refresh.js';
import { streaming } from '../state/live.js';
import { autoRefresh, chooseTheme, setAutoRefresh, theme, themeChoice, THEMES } from '../state/settings.js';
import { html } from './html.js';
import { Dot, Icon, Logo } from './icons.js';

/** @typedef {import('../config.js').PageConfig} PageConfig */

/** Goes to the same page in another language, with its state. @param {PageConfig} config @param {string} prefix */
function languageUrl(config, prefix) {
  const path = config.provider ? `${prefix}/p/${encodeURIComponent(config.provider)}` : `${prefix}/`;
  return `${path}${location.search}`;
}

/** @param {{config: PageConfig}} props */
function Language({ config }) {
  const now = language();
  return html`<label class="select"><span class="hidden">${t('language')}</span>
    <select value=${now} title=${t('language')} onChange=${(/** @type {any} */ event) => {
      const chosen = LANGUAGES.find(({ tag }) => tag === event.currentTarget.value);
      if (chosen) location.assign(languageUrl(config, chosen.prefix));
    }}>${LANGUAGES.map(({ tag, name }) => html`<option key=${tag} value=${tag} lang=${tag} selected=${tag === now}>${name}</option>`)}</select>
    <${Icon} name="globe" sign=${true} /><${Icon} name="chevron" /></label>`;
}

function Theme() {
  return html`<label class="select"><span class="hidden">${t('theme.label')}</span>
    <select value=${themeChoice.value} title=${t('theme.label')} onChange=${(/** @type {any} */ event) => chooseTheme(event.currentTarget.value)}>
      ${THEMES.map((name) => html`<option key=${name} value=${name}>${t(`theme.${name}`)}</option>`)}
    </select><${Icon} name=${theme.value === 'dark' ? 'moon' : 'sun'} sign=${true} /><${Icon} name="chevron" /></label>`;
}

function Freshness() {
  const on = autoRefresh.value;
  const updated = html`<span class="updated">${loadedAt.value > 0 ? t('updated', { time: format().exact(loadedAt.value) }) : failure.value === null ? '…' : ''}</span>`;
  // The retired board never refreshes by itself, so there is nothing to switch.
  return html`<div class="freshness">
    ${url.value.board === 'cold' ? html`<span class="check still">${updated}</span>`
      : html`<label class="check" title=${`${t('refresh.auto')}. ${on ? t(streaming.value ? 'live.on' : 'live.off') : ''}`}><input type="checkbox" checked=${on} aria-label=${t('refresh.auto')}
      onChange=${(/** @type {any} */ event) => setAutoRefresh(event.currentTarget.checked)} /><span class="live ${on ? 'on' : ''}"></span>${updated}</label>`}
    <button type="button" class=${busy.value ? 'control icon-only busy' : 'control icon-only'} title=${t('refresh.now')} aria-label=${t('refresh.now')}
      disabled=${coolingDown.value} onClick=${refreshNow}><${Icon} name="refresh" /></button>
  </div>`;
}

/** How everything that is shown fares, in one line. */
export function Summary() {
  const { total, green, yellow, red, missing } = summary.value;
  // Its room is kept while it loads, so that nothing below moves.
  if (board.value === null && failure.value === null) return html`<div class="summary" aria-hidden="true"><p class="summary-words bone"></p></div>`;
  if (board.value === null || total === 0) return null;
  const worst = red > 0 ? 0 : yellow > 0 ? 2 : green > 0 ? 1 : -1;
  const words = red > 0 ? t('summary.some_down', { count: red })
    : yellow > 0 ? t('summary.degraded', { count: yellow })
    : green > 0 ? t('summary.all_up') : t('summary.no_data');
  const counts = [[1, green], [2, yellow], [0, red], [-1, missing]].filter(([, count]) => count > 0);
  const names = { 1: 'green', 2: 'yellow', 0: 'red', '-1': 'missing' };
  const shown = total < board.value.rows.length ? t('summary.shown', { shown: format().count(total), total: format().count(board.value.rows.length) }) : '';
  return html`<section class="summary" aria-label=${t('summary.label')}>
    <p class="summary-words" role="status"><${Dot} status=${worst} />${words}</p>
    <p class="summary-counts">${counts.map(([status, count]) => html`<span key=${status}><${Dot} status=${status} />
      <b>${format().count(count)}</b> ${t(`status.${names[/** @type {1} */ (status)]}`)}</span>`)}
      ${shown && html`<span class="shown">${shown}</span>`}</p>
  </section>`;
}

/** @param {{config: PageConfig}} props */
export function Header({ config }) {
  const home = `${config.prefix}/`;
  return html`<header class="header">
    <a class="brand" href=${home} title=${config.provider ? t('header.home') : undefined}><${Logo} /><span class="clip">${config.title}</span></a>
    <span class="grow"></span>
    ${safeUrl(config.subscribeUrl) && html`<a class="control" aria-label=${t('row.external', { name: t('header.subscribe') })} href=${config.subscribeUrl} rel="noopener nofollow" target="_blank">
      <${Icon} name="bell" /><span class="wide">${t('header.subscribe')}</span></a>`}
    ${!config.missing && html`<${Freshness} />`}<${Theme} /><${Language} config=${config} />
  </header>`;
}
