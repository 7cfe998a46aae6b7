/** What is shown instead of monitors, or above them when something is wrong. */

import { format, t } from '../i18n.js';
import { behind, board, failure, loadedAt, online, toggleFavoritesOnly, url, clearFilters } from '../state/page.js';
import { retry } from '../state/refresh.js';
import { html } from './html.js';
import { Icon } from './icons.js';

const DAY_SECONDS = 86_400;

/** @param {import('../api/client.js').ApiError} error */
export function reason(error) {
  return t(`reason.${error.reason}`, { code: error.code });
}

/** @param {{icon: string, title: string, text: string, alone?: boolean, children?: any}} props `alone`: it is the whole page. */
function Notice({ icon, title, text, alone, children }) {
  return html`<div class="notice"><${Icon} name=${icon} /><${alone ? 'h1' : 'h2'}>${title}</>${text && html`<p>${text}</p>`}${children}</div>`;
}

/** A strip above the monitors: the data is older than it should be, or of a retired board. */
export function Banners() {
  if (board.value === null) return null;
  const { exact, moment } = format();
  const time = Date.now() / 1000 - loadedAt.value < DAY_SECONDS / 2 ? exact(loadedAt.value) : moment(loadedAt.value);
  // What is chosen may be another one, which could not be loaded.
  const period = t(`period.${board.value.period}`);
  const why = failure.value ? reason(failure.value) : behind.value ? t('reason.behind') : '';
  return html`
    ${url.value.board === 'cold' && board.value.boards && html`<p class="banner"><${Icon} name="snow" />${t('board.cold_notice')}</p>`}
    ${!online.value
      ? html`<p class="banner warn" role="status"><${Icon} name="warning" />${t('state.offline', { time, period })}</p>`
      : why && html`<p class="banner warn" role="status"><${Icon} name="warning" /><span>${t('state.stale', { reason: why, time, period })}</span>
          <button type="button" class="quiet" onClick=${retry}>${t('state.error.retry')}</button></p>`}`;
}

/** Nothing has been loaded yet: still under way, or failed. */
export function Waiting() {
  const error = failure.value;
  if (!online.value) return html`<${Notice} icon="warning" title=${t('state.offline.title')} text=${t('state.offline.text')} />`;
  if (error) {
    return html`<div role="alert"><${Notice} icon="warning" title=${t('state.error.title')} text=${t('state.error.text', { reason: reason(error) })}>
      <button type="button" class="control" onClick=${retry}><${Icon} name="refresh" />${t('state.error.retry')}</button>
    </${Notice}></div>`;
  }
  return html`<${Skeleton} />`;
}

export function Skeleton() {
  return html`<div class="skeleton" aria-busy="true"><p class="hidden" role="status">${t('state.loading')}</p>
    ${Array.from({ length: 12 }, (_, index) => html`<div key=${index} class="bone-row" aria-hidden="true"><i></i><i></i><i></i><i></i></div>`)}
  </div>`;
}

/** There is data, but nothing to show. */
export function Nothing() {
  if (board.value?.rows.length === 0) {
    return html`<${Notice} icon="info" title=${t('state.empty.title')} text=${t('state.empty.text')} />`;
  }
  if (url.value.favorites) {
    return html`<${Notice} icon="star" title=${t('favorite.empty.title')} text=${t('favorite.empty.text')}>
      <button type="button" class="control" onClick=${toggleFavoritesOnly}>${t('filter.all')}</button></${Notice}>`;
  }
  // A picture has nothing to press.
  const picture = url.value.screenshot;
  return html`<${Notice} icon="search" title=${t('state.nothing.title')} text=${picture ? '' : t('state.nothing.text')}>
    ${!picture && html`<button type="button" class="control" onClick=${clearFilters}>${t('filter.clear')}</button>`}</${Notice}>`;
}

/** @param {{prefix: string}} props */
export function NotFound({ prefix }) {
  return html`<${Notice} alone=${true} icon="info" title=${t('state.not_found.title')} text=${t('state.not_found.text')}>
    <a class="control" href=${`${prefix}/`}>${t('state.not_found.home')}</a></${Notice}>`;
}

export function Broken() {
  return html`<div role="alert"><${Notice} alone=${true} icon="warning" title=${t('state.broken.title')} text=${t('state.broken.text')}>
    <button type="button" class="control" onClick=${() => location.reload()}>${t('state.broken.reload')}</button></${Notice}></div>`;
}
