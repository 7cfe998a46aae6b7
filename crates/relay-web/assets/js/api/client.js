/** The page's only way to the server: the public API, same origin. */

import { readHistory, readTimeline } from './detail.js';
import { freshnessOf } from '../logic/freshness.js';
import { normalize } from './normalize.js';

/** @typedef {import('./types.js').Board} Board */
/** @typedef {'network'|'timeout'|'format'|'limited'|'status'} Reason */

const TIMEOUT_MS = 20_000;

/** Why there is no answer. */
export class ApiError extends Error {
  /** @param {Reason} reason @param {number} [code] HTTP status. */
  constructor(reason, code = 0) {
    super(reason);
    this.reason = reason;
    this.code = code;
  }
}

/**
 * @typedef {object} Query
 * @property {string} period
 * @property {string} board
 * @property {string} timeFilter
 * @property {boolean} align
 * @property {string} provider Slug, or empty for all.
 */

/** Writes the address of a query. @param {Query} query */
export function statusUrl({ period, board, timeFilter, align, provider }) {
  const params = new URLSearchParams({ period, view: 'compact' });
  if (board !== 'hot') params.set('board', board);
  if (timeFilter !== '') params.set('time_filter', timeFilter);
  if (align && period === '24h') params.set('align', 'hour');
  if (provider !== '') params.set('provider', provider);
  return `/api/status?${params}`;
}

/** @param {string} url @param {RequestCache} cache @param {AbortSignal} signal */
async function getJson(url, cache, signal) {
  const limit = AbortSignal.timeout(TIMEOUT_MS);
  const either = new AbortController();
  for (const source of [limit, signal]) source.addEventListener('abort', () => either.abort(), { once: true });
  if (signal.aborted) either.abort();
  try {
    const response = await fetch(url, { cache, signal: either.signal, headers: { Accept: 'application/json' } });
    if (!response.ok) throw new ApiError(response.status === 429 ? 'limited' : 'status', response.status);
    const now = Date.parse(response.headers.get('date') ?? '') || Date.now();
    return { json: /** @type {unknown} */ (await response.json()), now: Math.floor(now / 1000), headers: response.headers };
  } catch (error) {
    if (signal.aborted || error instanceof ApiError) throw error;
    if (limit.aborted) throw new ApiError('timeout');
    throw new ApiError(error instanceof SyntaxError ? 'format' : 'network');
  }
}

/**
 * Loads what the page shows, and says how fresh it is.
 * @param {Query} query
 * @param {{cache: RequestCache, signal: AbortSignal}} options `cache`: what the browser's own may do.
 * @returns {Promise<{board: Board, freshness: import('../logic/freshness.js').Freshness}>}
 * @throws {ApiError}
 */
export async function loadBoard(query, { cache, signal }) {
  const { json, now, headers } = await getJson(statusUrl(query), cache, signal);
  if (typeof json !== 'object' || json === null) throw new ApiError('format');
  const board = normalize(json, query.period, now);
  return { board, freshness: freshnessOf(headers, board.end, now) };
}

/** @typedef {{provider: string, service: string, channel: string, model: string}} Key */

/**
 * Loads one monitor over the period of a query.
 * @param {Key} key
 * @param {Query} query
 * @param {AbortSignal} signal
 * @throws {ApiError}
 */
export async function loadTimeline(key, { period, timeFilter, align }, signal) {
  const params = new URLSearchParams({ ...key, period });
  if (timeFilter !== '') params.set('time_filter', timeFilter);
  if (align && period === '24h') params.set('align', 'hour');
  return readTimeline((await getJson(`/api/timeline?${params}`, 'default', signal)).json);
}

/**
 * Loads the records of one monitor, newest first.
 * @param {Key} key
 * @param {{limit: number, cursor: string}} page
 * @param {AbortSignal} signal
 * @throws {ApiError}
 */
export async function loadHistory(key, { limit, cursor }, signal) {
  const params = new URLSearchParams({ ...key, limit: String(limit) });
  if (cursor !== '') params.set('cursor', cursor);
  return readHistory((await getJson(`/api/history?${params}`, 'no-cache', signal)).json);
}

/** Loads the server's version; empty when it does not say. @param {AbortSignal} signal @returns {Promise<string>} */
export async function loadVersion(signal) {
  const { json } = await getJson('/api/version', 'default', signal);
  const version = /** @type {{version?: unknown}|null} */ (json)?.version;
  return typeof version === 'string' ? version : '';
}
