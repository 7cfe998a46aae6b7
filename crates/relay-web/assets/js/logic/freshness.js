/**
 * How old an answer is, and when to load again. Times in milliseconds are of one clock, whichever; `random` gives a
 * number from 0 up to 1 and spreads those who would come at the same moment.
 */

/**
 * @typedef {object} Freshness
 * @property {number} age Seconds since the server made the answer.
 * @property {boolean} behind Whether it is older than it should be: nobody on the way could get a newer one.
 * @property {number} keep Seconds for which everybody on the way may give the same answer.
 */

/** Between two loads while all is well. */
const EVERY_MS = 60_000;
/** While the server is away or has nothing newer; whoever waits should not wait for long after it is back. */
const AGAIN_MS = 15_000;
/** Those who lost the same server, or found it again, come within so long. */
const CROWD_MS = 3_000;
/** After a stream broke: long enough that most have it again, which is reason enough to load. */
const LOST_MS = 4_000;
/** Servers write whole seconds, for the moment of sending and for the end of what is told. */
const SLACK_MS = 2_000;
/** No cache of ours keeps an answer for so long: one on the way keeps it because the server is away. */
const OLD_SECONDS = 600;

/**
 * Tells how fresh an answer is.
 * @param {Headers} headers
 * @param {number} end Where what it tells of ends, Unix seconds; windows that end in the future say nothing.
 * @param {number} sent When it was sent, by the server's clock.
 * @returns {Freshness}
 */
export function freshnessOf(headers, end, sent) {
  const told = Number(headers.get('age'));
  const age = Math.max(0, Number.isFinite(told) ? told : 0, Number.isFinite(end) ? sent - end : 0);
  // RFC 7234, 5.5: 110 stale, 111 revalidation failed, 112 disconnected.
  const warned = /\b11[0-2]\b/.test(headers.get('warning') ?? '');
  const keep = Number(/(?:^|[\s,])max-age=(\d{1,9})/.exec(headers.get('cache-control') ?? '')?.[1] ?? 0);
  return { age, behind: warned || age >= OLD_SECONDS, keep };
}

/** Returns how long after an answer, or after none, to load again. @param {boolean} well @param {() => number} random */
export function pauseAfter(well, random) {
  return well ? EVERY_MS : AGAIN_MS + random() * CROWD_MS;
}

/** Returns how long after a stream broke off to look whether the server is there. @param {() => number} random */
export function pauseAfterLoss(random) {
  return LOST_MS + random() * CROWD_MS;
}

/**
 * Returns how long to wait before loading what a stream did not tell: records that were made after the answer and
 * before the stream was open. `null` when there are none. An answer is given again until its time is over, so nothing
 * is gained by asking earlier.
 * @param {{made: number, keep: number}} answer When it was made, and for how many seconds it is kept.
 * @param {number} opened When the stream was.
 * @param {number} now
 * @param {() => number} random
 */
export function pauseBeforeCatchUp({ made, keep }, opened, now, random) {
  if (made + SLACK_MS >= opened) return null;
  return Math.max(0, made + keep * 1000 - now) + random() * CROWD_MS;
}
