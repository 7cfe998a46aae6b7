/** Builders for the tests: things with defaults. */

import { noCounts } from '../../assets/js/logic/heatmap.js';

/** @param {object} [own] */
export function point(own = {}) {
  return { at: 0, status: 1, latency: 100, availability: 100, counts: noCounts(), ...own };
}

/** @param {object} [own] */
export function block(own = {}) {
  return { start: 0, end: 60, status: 1, latency: 100, availability: 100, counts: noCounts(), ...own };
}

/** @param {any} [own] */
export function row(own = {}) {
  const made = {
    id: 'r', provider: 'Acme', providerLabel: 'Acme', providerSlug: 'acme', providerUrl: '', service: 'cc',
    serviceLabel: own.service ?? 'cc', channel: 'vip', channelLabel: own.channel ?? 'vip', category: 'commercial', sponsor: '', sponsorUrl: '',
    sponsorLevel: '', risks: [], badges: [], priceMin: null, priceMax: null, listedDays: null, board: 'hot',
    coldReason: '', probeUrl: '', template: '', intervalMs: 60_000, slowMs: 5000, status: 1, latency: 100,
    checkedAt: 1, availability: 100, layers: [], text: '', ...own,
  };
  made.text = [made.providerLabel, made.serviceLabel, made.channelLabel, made.category].join('\n').toLowerCase();
  return made;
}
