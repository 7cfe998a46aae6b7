/** What the page shows now, and everything derived from it. */

import { batch, computed, signal } from '../../vendor/signals.mjs';
import { favoriteId } from '../logic/favorites.js';
import { pinned } from '../logic/pins.js';
import { facetOptions, filterRows, summarize } from '../logic/search.js';
import { nextSorting, sortRows } from '../logic/sort.js';
import { formatUrl, parseUrl, takesTimeFilter } from '../logic/url-state.js';
import { favorites } from './settings.js';

/** @typedef {import('../api/client.js').ApiError} ApiError */
/** @typedef {import('../api/types.js').Board} Board */
/** @typedef {import('../api/types.js').Row} Row */
/** @typedef {import('../logic/search.js').Facet} Facet */
/** @typedef {import('../logic/url-state.js').UrlState} UrlState */

export const url = signal(parseUrl(location.search));
export const board = signal(/** @type {Board|null} */ (null));
/** How new what is shown is, Unix seconds of this browser's clock. */
export const loadedAt = signal(0);
/** Whether the server itself had nothing newer. */
export const behind = signal(false);
export const busy = signal(false);
export const failure = signal(/** @type {ApiError|null} */ (null));
export const online = signal(navigator.onLine);
export const version = signal('');

addEventListener('online', () => {
  online.value = true;
});
addEventListener('offline', () => {
  online.value = false;
});
addEventListener('popstate', () => {
  const [before, next] = [url.peek(), parseUrl(location.search)];
  // The usual order is not part of the address, so only this page knows that it was asked for.
  const same = before.sorting.key === next.sorting.key && before.sorting.direction === next.sorting.direction;
  url.value = { ...next, sorted: next.sorted || (before.sorted && same) };
});

/** Changes the state and the address with it. @param {Partial<UrlState>} change */
export function go(change) {
  const next = { ...url.peek(), ...change };
  if (!takesTimeFilter(next.period)) next.timeFilter = '';
  url.value = next;
  try {
    history.replaceState(history.state, '', `${location.pathname}${formatUrl(next, location.search)}${location.hash}`);
  } catch (error) {
    // Some browsers refuse more than a hundred changes in half a minute; the next one brings the address up to date.
    console.warn(error);
  }
}

/** @param {string} key */
export function sortBy(key) {
  const { sorted, sorting: now } = url.peek();
  go({ sorting: nextSorting(sorted ? now : null, key), sorted: true });
}

/** Opens the detail of a row; it has an entry of its own in the history, so that "back" closes it. @param {string} id */
export function openDetail(id) {
  if (url.peek().detail === id) return;
  const next = { ...url.peek(), detail: id, model: '' };
  try {
    history.pushState({ opened: true }, '', `${location.pathname}${formatUrl(next, location.search)}${location.hash}`);
  } catch (error) {
    console.warn(error);
  }
  url.value = next;
}

/** Closes it, back to where it was opened. */
export function closeDetail() {
  if (url.peek().detail === '') return;
  if (history.state?.opened === true) history.back();
  else go({ detail: '', model: '' });
}

/** @param {Facet} facet @param {readonly string[]} values */
export function choose(facet, values) {
  go({ choices: { ...url.peek().choices, [facet]: values } });
}

/** @type {UrlState['choices']} */
const NO_CHOICES = { provider: [], service: [], channel: [], category: [] };

export function clearFilters() {
  go({ choices: NO_CHOICES, query: '' });
}

/** Where the filters wait while only favourites are shown; a reload or another language must not lose them. */
const FILTERS = 'relay-pulse-filters';

function storedFilters() {
  try {
    const { choices: kept, query: words } = parseUrl(sessionStorage.getItem(FILTERS) ?? '');
    return { choices: kept, query: words };
  } catch {
    return { choices: NO_CHOICES, query: '' };
  }
}

export function toggleFavoritesOnly() {
  const now = url.peek();
  if (now.favorites) {
    go({ favorites: false, ...storedFilters() });
    return;
  }
  try {
    sessionStorage.setItem(FILTERS, formatUrl({ ...parseUrl(''), choices: now.choices, query: now.query }));
  } catch (error) {
    console.warn(error);
  }
  go({ favorites: true, choices: NO_CHOICES, query: '' });
}

const choices = computed(() => url.value.choices);
const query = computed(() => url.value.query);
const sorting = computed(() => url.value.sorting);
const sorted = computed(() => url.value.sorted);
const onlyFavorites = computed(() => url.value.favorites);

/** The rows that filters choose from. */
export const candidates = computed(() => {
  const rows = board.value?.rows ?? [];
  return onlyFavorites.value ? rows.filter((row) => favorites.value.has(favoriteId(row))) : rows;
});

const filtered = computed(() => filterRows(candidates.value, choices.value, query.value));

/** Slug of the provider whose page this is, empty on the main page. */
export const provider = signal('');

const inOrder = computed(() => sortRows(filtered.value, sorting.value));

/** Sponsors that stand on top, on the main page and while nobody asked for another order. */
const onTop = computed(() => {
  const rules = board.value?.pins;
  const plain = !sorted.value && !url.value.screenshot && provider.value === '' && !onlyFavorites.value && board.value?.badges === true;
  return rules && plain ? pinned(filtered.value, rules) : [];
});

/** Rows that changed since `board` was loaded, by id. The order stays as it is until the next load: nothing jumps. */
export const fresh = signal(/** @type {ReadonlyMap<string, Row>} */ (new Map()));

/** @param {readonly Row[]} list @param {ReadonlyMap<string, Row>} newer */
function upToDate(list, newer) {
  return newer.size === 0 ? list : list.map((row) => newer.get(row.id) ?? row);
}

/** What is shown, in order: pinned rows first. */
export const rows = computed(() => {
  const top = onTop.value;
  if (top.length === 0) return upToDate(inOrder.value, fresh.value);
  const above = new Set(top);
  return upToDate([...top, ...inOrder.value.filter((row) => !above.has(row))], fresh.value);
});
/** How many of them are pinned. */
export const pins = computed(() => onTop.value.length);
export const facets = computed(() => facetOptions(candidates.value, choices.value, query.value));
export const summary = computed(() => summarize(upToDate(filtered.value, fresh.value)));

/** The row whose detail is open: `undefined` when the board does not have it, `null` when none is open. */
export const detailRow = computed(() => {
  const id = url.value.detail;
  if (id === '') return null;
  return fresh.value.get(id) ?? board.value?.rows.find((row) => row.id === id);
});

/** Which optional columns have something to show. */
export const columns = computed(() => {
  const all = board.value?.rows ?? [];
  return {
    category: all.some((row) => row.category !== '') && new Set(all.map((row) => row.category)).size > 1,
    price: all.some((row) => row.priceMin !== null || row.priceMax !== null),
    listed: all.some((row) => row.listedDays !== null),
  };
});

/** Whether what is shown is older than it should be. */
export const outdated = computed(() => behind.value || failure.value !== null || !online.value);

/**
 * Takes a new answer.
 * @param {Board} answer
 * @param {ReadonlyMap<string, Row>} newer Rows that are newer than the answer.
 * @param {{at: number, late: boolean}} age When what is now shown was measured, and whether nothing newer was to be had.
 */
export function accept(answer, newer, { at, late }) {
  batch(() => {
    board.value = answer;
    fresh.value = newer;
    failure.value = null;
    behind.value = late;
    loadedAt.value = Math.floor(at);
  });
}
