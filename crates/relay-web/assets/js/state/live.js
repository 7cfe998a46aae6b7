/**
 * Follows `/api/stream`: what was just measured appears at once, in the rows that are there. Loading every minute goes
 * on beside it, since counts, buckets and changes of the configuration come with whole answers only; without a stream
 * that is all there is.
 */

import { batch, effect, signal } from '../../vendor/signals.mjs';
import { parseNews, rowId, withNews } from '../logic/live.js';
import { behind, board, fresh, loadedAt } from './page.js';

/** @typedef {import('../api/types.js').Board} Board */
/** @typedef {import('../api/types.js').Row} Row */
/** @typedef {import('../logic/live.js').News} News */

/** Records are put in together so often, so that a thousand monitors draw no more often than a few. */
const GATHER_MS = 250;
/** Answers may be cached for so long; records of that time are kept to be put into them. */
const REMEMBER_SECONDS = 180;
const REMEMBER_MOST = 20_000;
/** Seconds of single probes that are shown. */
const RAW_SPAN = 90 * 60;
const RETRY_FIRST_MS = 5_000;
const RETRY_MOST_MS = 300_000;

/** Whether the stream is open. */
export const streaming = signal(false);

/**
 * @typedef {object} Events What whoever loads answers wants to know.
 * @property {() => void} opened The stream is open: what happened before was not told.
 * @property {() => void} lost It broke off.
 * @property {() => void} revived The server has news although its last answer was old.
 */

/** @type {News[]} Newest last. */
let remembered = [];
/** When records were last put in, Unix seconds of this browser's clock. */
let toldAt = 0;
/** @type {Events|null} */
let events = null;
/** @type {News[]} */
let gathered = [];
let timer = 0;

/** @param {Board} shown */
const spanOf = (shown) => (shown.raw ? RAW_SPAN : 0);

/** @param {Board} shown @param {ReadonlyMap<string, Row>} changed @param {readonly News[]} news */
function putIn(shown, changed, news) {
  const known = new Map(shown.rows.map((row) => [row.id, row]));
  const next = new Map(changed);
  for (const item of news) {
    const id = rowId(item);
    const row = next.get(id) ?? known.get(id);
    if (row === undefined) continue;
    const after = withNews(row, item, spanOf(shown));
    if (after !== row) next.set(id, after);
  }
  return next;
}

/** Returns the rows that are newer than an answer, which may come from a cache. @param {Board} answer */
export function newerThan(answer) {
  return putIn(answer, new Map(), remembered);
}

/** Returns until when records were told, for rows that are newer than their answer. */
export function newsUntil() {
  return toldAt;
}

function apply() {
  timer = 0;
  const news = gathered;
  gathered = [];
  const shown = board.peek();
  const newest = news[news.length - 1];
  if (newest === undefined) return;
  remembered = [...remembered, ...news].filter(({ at }) => at > newest.at - REMEMBER_SECONDS).slice(-REMEMBER_MOST);
  if (shown === null) return;
  batch(() => {
    fresh.value = putIn(shown, fresh.peek(), news);
    toldAt = Math.floor(Date.now() / 1000);
    // Of an old answer only the rows with news are up to date.
    if (!behind.peek()) loadedAt.value = toldAt;
  });
  if (behind.peek()) events?.revived();
}

/** @param {MessageEvent} event */
function take(event) {
  const news = parseNews(event.data);
  if (news === null) return;
  gathered.push(news);
  if (timer === 0) timer = setTimeout(apply, GATHER_MS);
}

/** @type {EventSource|null} */
let source = null;
let retry = 0;
let pause = RETRY_FIRST_MS;

function close() {
  clearTimeout(retry);
  retry = 0;
  source?.close();
  source = null;
  streaming.value = false;
}

/** @param {() => void} again */
function open(again) {
  const own = new EventSource('/api/stream');
  source = own;
  own.addEventListener('open', () => {
    pause = RETRY_FIRST_MS;
    streaming.value = true;
    events?.opened();
  });
  own.addEventListener('record', take);
  own.addEventListener('error', () => {
    if (streaming.peek()) events?.lost();
    streaming.value = false;
    // The browser tries again by itself, unless the server refused: then it is for us, and not too soon.
    if (own.readyState !== EventSource.CLOSED || source !== own) return;
    close();
    retry = setTimeout(again, pause);
    pause = Math.min(RETRY_MOST_MS, pause * 2);
  });
}

/**
 * Follows the stream while `wanted` and while the page is seen.
 * @param {() => boolean} wanted A function of signals.
 * @param {Events} listener
 */
export function follow(wanted, listener) {
  events = listener;
  const seen = signal(!document.hidden);
  document.addEventListener('visibilitychange', () => {
    seen.value = !document.hidden;
  });
  const update = () => {
    if (source === null && retry === 0) open(update);
  };
  effect(() => {
    if (wanted() && seen.value && typeof EventSource === 'function') update();
    else close();
  });
  // A page with an open stream could not be kept for "back".
  addEventListener('pagehide', () => {
    seen.value = false;
  });
  addEventListener('pageshow', () => {
    seen.value = !document.hidden;
  });
}
