/** Reading JSON of any shape: a field of the wrong type counts as absent. */

import { noCounts } from '../logic/heatmap.js';

/** @typedef {import('./types.js').Counts} Counts */
/** @typedef {Record<string, unknown>} Json */

/** @param {unknown} value @returns {Json} */
export const object = (value) => (typeof value === 'object' && value !== null ? /** @type {Json} */ (value) : {});
/** @param {unknown} value @returns {readonly unknown[]} */
export const array = (value) => (Array.isArray(value) ? value : []);
/** @param {unknown} value */
export const text = (value) => (typeof value === 'string' ? value : '');
/** @param {unknown} value @param {number} [otherwise] */
export const number = (value, otherwise = 0) => (typeof value === 'number' && Number.isFinite(value) ? value : otherwise);
/** @param {unknown} value */
export const numberOrNull = (value) => (typeof value === 'number' && Number.isFinite(value) ? value : null);
/** @param {unknown} value @returns {Record<string, number>} */
const numbers = (value) =>
  Object.fromEntries(Object.entries(object(value)).filter(([, count]) => number(count) > 0)
    .map(([name, count]) => [name, number(count)]));

const CAUSES = [
  'slow_latency', 'rate_limit', 'server_error', 'client_error', 'auth_error', 'invalid_request', 'network_error',
  'content_mismatch',
];

/** @param {unknown} value @returns {Counts} */
export function countsOf(value) {
  const raw = object(value);
  const counts = noCounts();
  counts.available = number(raw.available);
  counts.degraded = number(raw.degraded);
  counts.unavailable = number(raw.unavailable);
  counts.missing = number(raw.missing);
  for (const cause of CAUSES) {
    const count = number(raw[cause]);
    if (count > 0) counts.causes[cause] = count;
  }
  for (const [cause, codes] of Object.entries(object(raw.http_code_breakdown))) counts.codes[cause] = numbers(codes);
  return counts;
}
