/**
 * Keeps the page fresh: loads when what is asked for changes, every minute while the page is seen, at once when it is
 * seen again or the connection is back, and when the reader says so.
 */

import { effect, signal } from '../../vendor/signals.mjs';
import { ApiError, loadBoard, loadVersion } from '../api/client.js';
import { follow, newerThan } from './live.js';
import { accept, board, busy, failure, go, online, provider as ofProvider, url, version } from './page.js';
import { alignHours, autoRefresh, pruneFavorites } from './settings.js';

const EVERY_MS = 60_000;
const COOL_DOWN_MS = 5_000;

/** @type {AbortController|null} */
let running = null;
/** When the last attempt began, of the monotonic clock. */
let lastStart = -Infinity;
let provider = '';
/** Whether the reader has to wait before asking again. */
export const coolingDown = signal(false);

/** @param {boolean} fresh */
async function load(fresh) {
  running?.abort();
  const own = new AbortController();
  running = own;
  lastStart = performance.now();
  busy.value = true;
  const { period, board: name, timeFilter } = url.peek();
  try {
    const query = { period, board: name, timeFilter, align: alignHours.peek(), provider };
    const answer = await loadBoard(query, { fresh, signal: own.signal });
    if (running !== own) return;
    accept(answer, newerThan(answer));
    pruneFavorites(answer.ids);
  } catch (error) {
    if (running !== own) return;
    failure.value = error instanceof ApiError ? error : new ApiError('format');
  }
  busy.value = false;
  running = null;
}

/** Loads past the browser's cache, at most every five seconds. */
export function refreshNow() {
  if (coolingDown.peek()) return;
  coolingDown.value = true;
  setTimeout(() => {
    coolingDown.value = false;
  }, COOL_DOWN_MS);
  void load(true);
}

/** Tries again after a failure. */
export function retry() {
  void load(true);
}

/** Whether time makes new data: the cold board only changes with the configuration, a picture never. */
function ages() {
  return autoRefresh.value && url.value.board !== 'cold' && online.value && !url.value.screenshot;
}

function refreshWhenDue() {
  if (document.hidden || running !== null || !ages()) return;
  if (performance.now() - lastStart >= EVERY_MS) void load(false);
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
    void load(false);
  });
  effect(() => {
    if (online.value && failure.peek() !== null) void load(false);
  });
  effect(() => {
    const answer = board.value;
    if (answer !== null && !answer.boards && url.peek().board !== 'hot') go({ board: 'hot' });
  });
  follow(ages);
  setInterval(refreshWhenDue, 1000);
  document.addEventListener('visibilitychange', refreshWhenDue);
  loadVersion(new AbortController().signal).then(
    (text) => {
      version.value = text;
    },
    () => undefined,
  );
}
