/** What is shown and how: period, board, search, filters, view. */

import { useEffect, useRef, useState } from '../../vendor/preact-hooks.mjs';
import { t } from '../i18n.js';
import { FACETS } from '../logic/search.js';
import { PERIODS, isFiltered, takesTimeFilter } from '../logic/url-state.js';
import { TIME_PRESETS, isTime, localFilter, utcFilter } from '../logic/time-filter.js';
import { board, clearFilters, facets, go, toggleFavoritesOnly, url } from '../state/page.js';
import { alignHours, favorites, setAlignHours } from '../state/settings.js';
import { FacetFilter } from './facet.js';
import { html } from './html.js';
import { Icon } from './icons.js';
import { Segments } from './segments.js';

function Search() {
  const input = useRef(/** @type {HTMLInputElement|null} */ (null));
  useEffect(() => {
    /** @param {KeyboardEvent} event */
    const slash = (event) => {
      const typing = event.target instanceof Element && event.target.closest('input, textarea, select') !== null;
      if (event.key !== '/' || typing || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      input.current?.focus();
    };
    document.addEventListener('keydown', slash);
    return () => document.removeEventListener('keydown', slash);
  }, []);
  return html`<label class="search"><${Icon} name="search" /><span class="hidden">${t('search.hint')}</span>
    <input ref=${input} type="search" maxlength="200" placeholder=${t('search.placeholder')} title=${t('search.hint')} value=${url.value.query}
      onInput=${(/** @type {any} */ event) => go({ query: event.currentTarget.value })} /></label>`;
}

/** The daily time filter: presets, or any two times of the reader's clock. */
function TimeOfDay() {
  const { timeFilter } = url.value;
  const [free, setFree] = useState(false);
  const offset = -new Date().getTimezoneOffset();
  const presets = TIME_PRESETS.map((local) => ({ local, ...utcFilter(local, offset) }));
  const own = timeFilter !== '' && !presets.some((preset) => preset.utc === timeFilter);
  const [from, to] = (timeFilter === '' ? '09:00-18:00' : localFilter(timeFilter, offset)).replace('24:00', '00:00').split('-');
  /** @param {string} start @param {string} end */
  const pick = (start, end) => {
    if (isTime(start) && isTime(end) && start !== end) go({ timeFilter: utcFilter(`${start}-${end}`, offset).utc });
  };
  /** @param {any} event */
  const choose = (event) => {
    const { value } = event.currentTarget;
    setFree(value === 'free');
    if (value === 'free') pick(from, to);
    else go({ timeFilter: value });
  };
  return html`<span class="time-of-day"><label class="select"><span class="hidden">${t('tf.label')}</span>
      <select value=${free || own ? 'free' : timeFilter} title=${t('tf.label')} onChange=${choose}>
        <option value="">${t('tf.all')}</option>
        ${presets.map(({ local, utc }) => html`<option key=${local} value=${utc}>${local}</option>`)}
        <option value="free">${t('tf.free')}</option>
      </select><${Icon} name="chevron" /></label>
    ${(free || own) && html`<span class="times">
      <input type="time" step="1800" aria-label=${t('tf.from')} value=${from} onChange=${(/** @type {any} */ event) => pick(event.currentTarget.value, to)} />–
      <input type="time" step="1800" aria-label=${t('tf.to')} value=${to} onChange=${(/** @type {any} */ event) => pick(from, event.currentTarget.value)} /></span>`}
    ${timeFilter !== '' && offset % 30 !== 0 && html`<small class="muted" role="status">${t('tf.rounded')}</small>`}</span>`;
}

/** Cards have no column heads to click on. */
function SortChoice() {
  const { key, direction } = url.value.sorting;
  const columns = { uptime: 'column.availability', latency: 'column.latency', currentStatus: 'column.status',
    providerName: 'column.provider', serviceType: 'column.service', channel: 'column.channel', category: 'column.category',
    priceRatio: 'column.price', listedDays: 'column.listed', badgeScore: 'sort.badges' };
  const other = direction === 'asc' ? 'desc' : 'asc';
  const order = t(direction === 'asc' ? 'sort.ascending' : 'sort.descending');
  return html`<span class="sorting"><label class="select"><span class="hidden">${t('sort.label')}</span>
    <select value=${key} title=${t('sort.label')} onChange=${(/** @type {any} */ event) => go({ sorting: { key: event.currentTarget.value, direction }, sorted: true })}>
      ${Object.entries(columns).map(([name, column]) => html`<option key=${name} value=${name}>${t(column)}</option>`)}
    </select><${Icon} name="chevron" /></label>
    <button type="button" class="control icon-only" title=${order} aria-label=${order} onClick=${() => go({ sorting: { key, direction: other }, sorted: true })}>
      <${Icon} name=${direction === 'asc' ? 'up' : 'down'} /></button></span>`;
}

/** @param {{view: string, provider: string}} props */
export function Toolbar({ view, provider }) {
  const [unfolded, setUnfolded] = useState(false);
  const state = url.value;
  const options = facets.value;
  const shown = FACETS.filter((facet) => {
    if (facet === 'provider' && provider !== '') return false;
    return options[facet].length > 1 || state.choices[facet].length > 0;
  });
  const timed = Number(state.timeFilter !== '') + Number(state.period === '24h' && alignHours.value);
  const chosen = FACETS.reduce((sum, facet) => sum + state.choices[facet].length, timed);
  return html`<div class=${unfolded ? 'toolbar open' : 'toolbar'} role="search">
    <${Segments} name="period" label=${t('period.label')} value=${state.period} pick=${(/** @type {string} */ period) => go({ period })}
      options=${PERIODS.map((period) => ({ value: period, text: t(`period.${period}`) }))} />
    ${takesTimeFilter(state.period) && html`<${TimeOfDay} />`}
    ${state.period === '24h' && html`<label class="check" title=${t('align.hint')}><input type="checkbox" checked=${alignHours.value}
      onChange=${(/** @type {any} */ event) => setAlignHours(event.currentTarget.checked)} /><span>${t('align.label')}</span></label>`}
    ${board.value?.boards && html`<${Segments} name="board" label=${t('board.label')} value=${state.board} compact=${true}
      pick=${(/** @type {string} */ name) => go({ board: name })}
      options=${[{ value: 'hot', text: t('board.hot'), icon: 'flame' }, { value: 'cold', text: t('board.cold'), icon: 'snow' }]} />`}
    <span class="grow"></span>
    <${Search} />
    <button type="button" class=${chosen > 0 ? 'control fold on' : 'control fold'} aria-expanded=${unfolded} onClick=${() => setUnfolded(!unfolded)}>
      <${Icon} name="filter" /><span class="hidden">${t('filter.title')}</span>${chosen > 0 && html`<b class="chosen">${chosen}</b>`}
    </button>
    <div class="facets">
      ${shown.map((facet) => html`<${FacetFilter} key=${facet} facet=${facet} options=${options[facet]} chosen=${state.choices[facet]} />`)}
      ${view === 'grid' && html`<${SortChoice} />`}
      ${(favorites.value.size > 0 || state.favorites) && html`<button type="button" class=${state.favorites ? 'control on' : 'control'} aria-pressed=${state.favorites} onClick=${toggleFavoritesOnly}>
        <${Icon} name="star" filled=${state.favorites} /><span>${t('favorite.only')}</span></button>`}
      ${isFiltered(state) && html`<button type="button" class="quiet" onClick=${clearFilters}><${Icon} name="close" />${t('filter.clear')}</button>`}
    </div>
    <${Segments} name="view" label=${t('view.label')} value=${view} compact=${true} pick=${(/** @type {string} */ name) => go({ view: name })}
      options=${[{ value: 'table', text: t('view.table'), icon: 'table' }, { value: 'grid', text: t('view.grid'), icon: 'grid' }]} />
  </div>`;
}
