/** The order of rows. */

/** @typedef {import('../api/types.js').Row} Row */
/** @typedef {'asc'|'desc'} Direction */
/** @typedef {{key: string, direction: Direction}} Sorting */

/** @type {Sorting} */
export const DEFAULT_SORTING = { key: 'uptime', direction: 'desc' };

/** Names that existing links use, and other names people may type. @type {Record<string, string>} */
const ALIASES = {
  lastCheck: 'currentStatus',
  status: 'currentStatus',
  availability: 'uptime',
  provider: 'providerName',
  service: 'serviceType',
  price: 'priceRatio',
  badge: 'badgeScore',
};

/** @type {Record<string, number>} */
const LEVEL_SCORE = { basic: 20, advanced: 50, enterprise: 100 };

/**
 * Scores what the badge column shows: public 10, sponsors 20, 50 or 100, each risk -50.
 * @param {Row} row
 */
export function badgeScore(row) {
  const level = Object.hasOwn(LEVEL_SCORE, row.sponsorLevel) ? LEVEL_SCORE[row.sponsorLevel] : 0;
  return (row.category === 'public' ? 10 : 0) + level - 50 * row.risks.length;
}

/** Green, yellow, missing, red, best first. @param {number} status */
function statusRank(status) {
  return status === 1 ? 3 : status === 2 ? 2 : status === 0 ? 0 : 1;
}

/** Rows with a latency that means something first, then red ones, then those without. @param {Row} row */
function latencyClass(row) {
  if (!(row.latency > 0)) return 2;
  return row.status === 0 ? 1 : 0;
}

const words = new Intl.Collator(undefined, { numeric: true, sensitivity: 'base' });

/** @typedef {(row: Row) => number|null} Numeric `null` sorts last in both directions. */

/** @type {Record<string, Numeric>} */
const NUMBERS = {
  uptime: (row) => (row.availability >= 0 ? row.availability : null),
  currentStatus: (row) => statusRank(row.status),
  badgeScore,
  priceRatio: (row) => row.priceMax ?? row.priceMin,
  listedDays: (row) => row.listedDays,
};

/** @type {Record<string, (row: Row) => string>} */
const WORDS = {
  providerName: (row) => row.providerLabel,
  serviceType: (row) => row.serviceLabel,
  channel: (row) => row.channelLabel,
  category: (row) => row.category,
};

/** Tells whether rows can be sorted by this key. @param {string} key */
export function isSortKey(key) {
  return Object.hasOwn(NUMBERS, key) || Object.hasOwn(WORDS, key) || key === 'latency';
}

/** Fast ones first, whatever the direction of the main key. @param {Row} a @param {Row} b */
function byLatency(a, b) {
  const classes = latencyClass(a) - latencyClass(b);
  return classes !== 0 || latencyClass(a) === 2 ? classes : a.latency - b.latency;
}

/**
 * Returns the rows in order; equal rows are ordered by latency and then keep their order.
 * @param {readonly Row[]} rows
 * @param {Sorting} sorting
 */
export function sortRows(rows, { key, direction }) {
  const sign = direction === 'asc' ? 1 : -1;
  const sorted = [...rows];
  if (key === 'latency') {
    return sorted.sort((a, b) => {
      const classes = latencyClass(a) - latencyClass(b);
      return classes !== 0 ? classes : sign * (a.latency - b.latency);
    });
  }
  const text = Object.hasOwn(WORDS, key) ? WORDS[key] : undefined;
  if (text) return sorted.sort((a, b) => sign * words.compare(text(a), text(b)) || byLatency(a, b));
  const number = Object.hasOwn(NUMBERS, key) ? NUMBERS[key] : NUMBERS.uptime;
  return sorted.sort((a, b) => {
    const [x, y] = [number(a), number(b)];
    if (x === null || y === null) return x === y ? byLatency(a, b) : x === null ? 1 : -1;
    return sign * (x - y) || byLatency(a, b);
  });
}

/**
 * Returns the sorting after a click on a column: descending first, then ascending.
 * @param {Sorting|null} now What was asked for before, `null` when nothing was.
 * @param {string} key
 * @returns {Sorting}
 */
export function nextSorting(now, key) {
  return { key, direction: now?.key === key && now.direction === 'desc' ? 'asc' : 'desc' };
}

/** Reads `key_direction`; anything else is the default. @param {string|null} text @returns {Sorting} */
export function parseSorting(text) {
  const at = text?.lastIndexOf('_') ?? -1;
  if (!text || at < 0) return DEFAULT_SORTING;
  const [name, direction] = [text.slice(0, at), text.slice(at + 1)];
  const key = Object.hasOwn(ALIASES, name) ? ALIASES[name] : name;
  if (!isSortKey(key) || (direction !== 'asc' && direction !== 'desc')) return DEFAULT_SORTING;
  return { key, direction };
}
