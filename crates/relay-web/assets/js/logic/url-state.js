/** The page's state as a query string, with the names that existing links use. */

import { DEFAULT_SORTING, parseSorting } from './sort.js';
import { FACETS } from './search.js';

/** @typedef {import('./sort.js').Sorting} Sorting */
/** @typedef {import('./search.js').Choices} Choices */
/**
 * @typedef {object} UrlState
 * @property {string} period
 * @property {string} board `hot`, `cold` or `all`.
 * @property {string} timeFilter `HH:MM-HH:MM` in UTC, or empty.
 * @property {string} view `table`, `grid`, or empty for what fits the screen.
 * @property {Sorting} sorting
 * @property {Choices} choices
 * @property {string} query What is searched for.
 * @property {boolean} favorites
 * @property {boolean} embed
 * @property {string} detail Id of the row whose detail is open, or empty.
 * @property {string} model Which of its models, or empty for the first one.
 * @property {boolean} sorted Whether the order was asked for; the main page pins sponsors while it was not.
 * @property {boolean} screenshot Whether this is a picture for a notification: no controls, dark, 1,200 pixels wide.
 * @property {string} title What stands above that picture.
 */

export const PERIODS = /** @type {const} */ (['90m', '24h', '7d', '30d', '90d', '1y']);
export const DEFAULT_PERIOD = '90m';

/** Tells whether the API takes a daily time filter for this period. @param {string} period */
export function takesTimeFilter(period) {
  return period === '7d' || period === '30d';
}

/** Undoes what {@link formatUrl} did to commas inside a value. @param {string} text */
function unescapeValue(text) {
  return text.replace(/%2c/gi, ',').replace(/%25/g, '%');
}

/** @param {string|null} text */
function list(text) {
  const values = (text ?? '').split(',').map((value) => unescapeValue(value).trim().toLowerCase());
  return [...new Set(values.filter((value) => value !== '' && value !== 'all'))].slice(0, 200);
}

/** @template {string} T @param {string|null} text @param {readonly T[]} allowed @param {T} otherwise */
function oneOf(text, allowed, otherwise) {
  return allowed.find((value) => value === text) ?? otherwise;
}

/**
 * Reads a query string; what is missing or makes no sense becomes the default.
 * @param {string} search
 * @returns {UrlState}
 */
export function parseUrl(search) {
  const params = new URLSearchParams(search);
  const period = params.get('period') === '1d' ? '24h' : params.get('period');
  const filter = params.get('tf') ?? '';
  return {
    period: oneOf(period, PERIODS, DEFAULT_PERIOD),
    board: oneOf(params.get('board'), ['hot', 'cold', 'all'], 'hot'),
    timeFilter: /^([01]\d|2[0-3]):[03]0-(([01]\d|2[0-3]):[03]0|24:00)$/.test(filter) ? filter : '',
    view: oneOf(params.get('view'), ['table', 'grid'], ''),
    sorting: parseSorting(params.get('sort')),
    choices: {
      provider: list(params.get('provider')),
      service: list(params.get('service')),
      channel: list(params.get('channel')),
      category: list(params.get('category')),
    },
    query: (params.get('q') ?? '').slice(0, 200),
    favorites: params.get('fav') === '1',
    embed: params.get('embed') === '1',
    detail: (params.get('detail') ?? '').slice(0, 1000),
    model: (params.get('model') ?? '').slice(0, 1000),
    sorted: parseSorting(params.get('sort')) !== DEFAULT_SORTING,
    screenshot: params.get('screenshot') === '1',
    title: (params.get('title') ?? '').slice(0, 200),
  };
}

/**
 * Writes the state as a query string, defaults left out unless the order so far is one; parameters of others stay. Starts with `?` unless empty.
 * @param {UrlState} state
 * @param {string} [before] The query string so far.
 */
export function formatUrl(state, before = '') {
  const params = new URLSearchParams(before);
  /** @param {string} name @param {string} value @param {string} [normal] */
  const set = (name, value, normal = '') => {
    if (value === normal) params.delete(name);
    else params.set(name, value);
  };
  set('period', state.period, DEFAULT_PERIOD);
  set('tf', state.timeFilter);
  set('board', state.board, 'hot');
  for (const facet of FACETS) {
    const values = state.choices[facet].map((value) => value.replace(/[%,]/g, encodeURIComponent));
    set(facet, values.join(','));
  }
  set('fav', state.favorites ? '1' : '');
  set('view', state.view);
  const { key, direction } = state.sorting;
  const usual = `${DEFAULT_SORTING.key}_${DEFAULT_SORTING.direction}`;
  // The usual order says something where it was asked for by address: sponsors are not pinned then.
  if (!state.sorted || params.get('sort') !== `${key}_${direction}`) set('sort', `${key}_${direction}`, usual);
  set('q', state.query.trim());
  set('detail', state.detail);
  set('model', state.detail === '' ? '' : state.model);
  const text = params.toString().replaceAll('%2C', ',').replaceAll('%3A', ':').replaceAll('%2F', '/');
  return text === '' ? '' : `?${text}`;
}

/** Tells whether anything is filtered. @param {UrlState} state */
export function isFiltered(state) {
  return state.query.trim() !== '' || FACETS.some((facet) => state.choices[facet].length > 0);
}
