/** What the page shows now, and everything derived from it. */

import { batch, computed, signal } from '../../vendor/signals.mjs';
import { favoriteId } from '../logic/favorites.js';
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
/** When `board` was loaded, Unix seconds of this browser's clock. */
export const loadedAt = signal(0);
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
  url.value = parseUrl(location.search);
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
  go({ sorting: nextSorting(url.peek().sorting, key) });
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

/** Filters as they were before only favourites were shown. */
let before = { choices: NO_CHOICES, query: '' };

export function toggleFavoritesOnly() {
  const now = url.peek();
  if (now.favorites) {
    go({ favorites: false, ...before });
  } else {
    before = { choices: now.choices, query: now.query };
    go({ favorites: true, choices: NO_CHOICES, query: '' });
  }
}

const choices = computed(() => url.value.choices);
const query = computed(() => url.value.query);
const sorting = computed(() => url.value.sorting);
const onlyFavorites = computed(() => url.value.favorites);

/** The rows that filters choose from. */
export const candidates = computed(() => {
  const rows = board.value?.rows ?? [];
  return onlyFavorites.value ? rows.filter((row) => favorites.value.has(favoriteId(row))) : rows;
});

const filtered = computed(() => filterRows(candidates.value, choices.value, query.value));

/** What is shown, in order. */
export const rows = computed(() => sortRows(filtered.value, sorting.value));
export const facets = computed(() => facetOptions(candidates.value, choices.value, query.value));
export const summary = computed(() => summarize(filtered.value));

/** Which optional columns have something to show. */
export const columns = computed(() => {
  const all = board.value?.rows ?? [];
  return {
    category: all.some((row) => row.category !== '') && new Set(all.map((row) => row.category)).size > 1,
    price: all.some((row) => row.priceMin !== null || row.priceMax !== null),
    listed: all.some((row) => row.listedDays !== null),
  };
});

/** Takes a fresh answer. @param {Board} fresh */
export function accept(fresh) {
  batch(() => {
    board.value = fresh;
    failure.value = null;
    loadedAt.value = Math.floor(Date.now() / 1000);
  });
}
