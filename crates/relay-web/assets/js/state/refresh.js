/**
 * Keeps the page fresh: loads when what is asked for changes, every minute while the page is seen, at once when it is
 * seen again or the connection is back, and when the reader says so. Soon after the stream opened, when the answer is
 * older than that; soon after it broke off, to say so; and more often while the server does not answer.
 */

import { effect, signal } from '../../vendor/signals.mjs';
import { ApiError, loadBoard, loadVersion } from '../api/client.js';
import { pauseAfter, pauseAfterLoss, pauseBeforeCatchUp } from '../logic/freshness.js';
import { follow, newerThan, newsUntil } from './live.js';
import { accept, board, busy, failure, go, online, provider as ofProvider, url, version } from './page.js';
import { alignHours, autoRefresh, pruneFavorites } from './settings.js';

const COOL_DOWN_MS = 5_000;
/** A server that gives old answers for ever is asked so often because of one stream. */
const CATCH_UPS = 3;

/** @type {AbortController|null} */
let running = null;
/** When the next load is due, of the monotonic clock. */
let due = 0;
/** When the stream was opened, of the same clock, and how often it may still be caught up with. */
let opened = -Infinity;
let catchUps = 0;
/** The last answer; `made` is of the same clock. */
let last = { made: -Infinity, keep: 0 };
let provider = '';
/** Whether the reader has to wait before asking again. */
export const coolingDown = signal(false);

/** Loads after a while, unless that happens earlier anyway. @param {number} pause Milliseconds. */
function loadIn(pause) {
  due = Math.min(due, performance.now() + pause);
}

/** Loads once more if records were made between the answer and the stream. */
function catchUp() {
  const pause = pauseBeforeCatchUp(last, opened, performance.now(), Math.random);
  if (pause === null || catchUps === 0) return;
  catchUps -= 1;
  loadIn(pause);
}

/** @param {RequestCache} cache */
async function load(cache) {
  running?.abort();
  const own = new AbortController();
  running = own;
  busy.value = true;
  let well = false;
  const { period, board: name, timeFilter } = url.peek();
  try {
    const query = { period, board: name, timeFilter, align: alignHours.peek(), provider };
    const { board: answer, freshness: { age, behind: late, keep } } = await loadBoard(query, { cache, signal: own.signal });
    if (running !== own) return;
    const newer = newerThan(answer);
    const made = Date.now() / 1000 - age;
    accept(answer, newer, { at: late || newer.size === 0 ? made : Math.max(made, newsUntil()), late });
    pruneFavorites(answer.ids);
    last = { made: performance.now() - age * 1000, keep };
    well = !late;
  } catch (error) {
    if (running !== own) return;
    const reason = error instanceof ApiError ? error : new ApiError('format');
    failure.value = reason;
    // Whoever asks too often is not helped by asking more often.
    well = reason.reason === 'limited';
  }
  busy.value = false;
  running = null;
  due = performance.now() + pauseAfter(well, Math.random);
  if (well) catchUp();
}

/** Loads past the browser's cache, at most every five seconds. */
export function refreshNow() {
  if (coolingDown.peek()) return;
  coolingDown.value = true;
  setTimeout(() => {
    coolingDown.value = false;
  }, COOL_DOWN_MS);
  void load('reload');
}

/** Tries again after a failure. */
export function retry() {
  void load('reload');
}

/** Whether time makes new data: the cold board only changes with the configuration, a picture never. */
function ages() {
  return autoRefresh.value && url.value.board !== 'cold' && online.value && !url.value.screenshot;
}

function refreshWhenDue() {
  if (document.hidden || running !== null || !ages()) return;
  // The server is asked whatever the browser still has: how old an answer is can only be told when it is new here.
  if (performance.now() >= due) void load('no-cache');
}

/** Starts loading and keeps at it. @param {string} slug Provider of this page, or empty. */
export function startRefreshing(slug) {
  provider = slug;
  ofProvider.value = slug;
  let asked = '';
  effect(() => {
    const { period, board: name, timeFilter } = url.value;
    const now = [period, name, timeFilter, alignHours.value && period === '24h'].join(' ');
    if (now === asked) return;
    asked = now;
    void load('default');
  });
  effect(() => {
    if (online.value && failure.peek() !== null) void load('default');
  });
  effect(() => {
    const answer = board.value;
    if (answer !== null && !answer.boards && url.peek().board !== 'hot') go({ board: 'hot' });
  });
  follow(ages, {
    opened: () => {
      opened = performance.now();
      catchUps = CATCH_UPS;
      // A load under way looks for itself when it is done.
      if (running === null) catchUp();
    },
    lost: () => loadIn(pauseAfterLoss(Math.random)),
    revived: () => loadIn(pauseAfterLoss(Math.random)),
  });
  setInterval(refreshWhenDue, 1000);
  document.addEventListener('visibilitychange', refreshWhenDue);
  loadVersion(new AbortController().signal).then(
    (text) => {
      version.value = text;
    },
    () => undefined,
  );
}
