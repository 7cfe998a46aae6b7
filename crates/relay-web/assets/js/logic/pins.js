/** Sponsors at the top of the main page, while nobody asked for another order. */

import { worst, GREEN } from './status.js';

/** @typedef {import('../api/types.js').Row} Row */
/** @typedef {import('../api/types.js').PinRules} PinRules */

/** @type {Record<string, number>} */
const RANK = { basic: 1, advanced: 2, enterprise: 3 };

/** @param {string} level */
const rank = (level) => (Object.hasOwn(RANK, level) ? RANK[level] : 0);

/** How many channels a provider may have pinned. @param {number} level @param {number} most */
function quota(level, most) {
  return level === 3 ? most : level === 2 ? Math.max(1, most - 1) : 1;
}

/** Best first: level, availability, latency; one without a latency that means something comes last. @param {Row} a @param {Row} b */
function best(a, b) {
  const fast = (/** @type {Row} */ row) => (row.latency > 0 && worst(row.status, GREEN) !== 0 ? row.latency : Infinity);
  const [x, y] = [fast(a), fast(b)];
  return rank(b.sponsorLevel) - rank(a.sponsorLevel) || b.availability - a.availability || (x === y ? 0 : x - y);
}

/**
 * Chooses what is pinned: sponsors of the least level, without risks, available enough; each provider as many as its
 * highest qualifying level allows, one for each of its services.
 * @param {readonly Row[]} rows
 * @param {PinRules} rules
 * @returns {Row[]} In order.
 */
export function pinned(rows, { enabled, most, perProvider, minUptime, minLevel }) {
  if (!enabled) return [];
  const least = rank(minLevel) || 1;
  const fit = rows
    .filter((row) => rank(row.sponsorLevel) >= least && row.risks.length === 0 && row.availability >= minUptime)
    .sort(best);
  /** @type {Map<string, number>} */
  const left = new Map();
  for (const row of fit) {
    const provider = row.provider.toLowerCase();
    if (!left.has(provider)) left.set(provider, quota(rank(row.sponsorLevel), perProvider));
  }
  const services = new Set();
  /** @type {Row[]} */
  const chosen = [];
  for (const row of fit) {
    const provider = row.provider.toLowerCase();
    const service = `${provider}\n${row.service.toLowerCase()}`;
    const room = left.get(provider) ?? 0;
    if (chosen.length >= most || room === 0 || services.has(service)) continue;
    services.add(service);
    left.set(provider, room - 1);
    chosen.push(row);
  }
  return chosen;
}
