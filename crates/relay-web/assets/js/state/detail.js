/** What the open detail shows: loaded when it opens, and again when its monitor was probed. */

import { useEffect, useState } from '../../vendor/preact-hooks.mjs';
import { ApiError, loadHistory, loadTimeline } from '../api/client.js';
import { url } from './page.js';
import { alignHours } from './settings.js';

/** @typedef {import('../api/client.js').Key} Key */
/** @typedef {import('../api/types.js').Detail} Detail */
/** @typedef {import('../api/types.js').HistoryRecord} HistoryRecord */
/** @typedef {import('../api/types.js').Row} Row */

const PAGE = 30;
/** Seconds between two loads however often the monitor is probed. */
const PACE = 10;

/** @param {unknown} error */
const asApiError = (error) => (error instanceof ApiError ? error : new ApiError('format'));

/** @template T @typedef {{of: string, data: T|null, error: ApiError|null}} Loaded `of` says what it was loaded for. */

/**
 * Loads something, keeping what was there before as long as it is for the same thing.
 * @template T
 * @param {string} of
 * @param {readonly unknown[]} inputs What makes it load again.
 * @param {(signal: AbortSignal) => Promise<T>} load
 * @returns {Loaded<T>}
 */
function useLoaded(of, inputs, load) {
  const [state, setState] = useState(/** @type {Loaded<T>} */ ({ of, data: null, error: null }));
  useEffect(() => {
    const own = new AbortController();
    load(own.signal).then(
      (data) => {
        if (!own.signal.aborted) setState({ of, data, error: null });
      },
      (error) => {
        if (!own.signal.aborted) setState((old) => ({ of, data: old.of === of ? old.data : null, error: asApiError(error) }));
      },
    );
    return () => own.abort();
  }, [of, ...inputs]);
  return state.of === of ? state : { of, data: null, error: null };
}

/** @param {Row} row @param {string} model */
export function useDetail(row, model) {
  const { provider, service, channel } = row;
  const key = { provider, service, channel, model };
  const { period, board, timeFilter } = url.value;
  const align = alignHours.value;
  const [attempt, setAttempt] = useState(0);
  const [older, setOlder] = useState(/** @type {{of: string, records: readonly HistoryRecord[], next: string}|null} */ (null));
  const [failed, setFailed] = useState(false);
  const pace = Math.floor(row.checkedAt / PACE);
  const name = JSON.stringify(key);
  const timeline = useLoaded(`${name} ${period} ${timeFilter} ${align}`, [pace, attempt], (signal) =>
    loadTimeline(key, { period, board, timeFilter, align, provider: '' }, signal));
  const history = useLoaded(name, [pace, attempt], (signal) => loadHistory(key, { limit: PAGE, cursor: '' }, signal));

  const more = older !== null && older.of === name ? older : null;
  const newest = history.data?.records ?? [];
  const first = newest[newest.length - 1];
  const rest = (more?.records ?? []).filter((record) => first === undefined || record.at < first.at || (record.at === first.at && record.id < first.id));
  const next = more ? more.next : history.data?.next ?? '';
  const loadOlder = () => {
    setFailed(false);
    loadHistory(key, { limit: 100, cursor: next }, new AbortController().signal).then(
      // The newest page moves on; what it no longer holds must not be missing between the two.
      (page) => setOlder({ of: name, records: [...(more?.records ?? newest), ...page.records], next: page.next }),
      () => setFailed(true),
    );
  };
  return { timeline, error: timeline.error ?? history.error, records: history.data ? [...newest, ...rest] : null, next, loadOlder, failed,
    retry: () => setAttempt(attempt + 1) };
}
