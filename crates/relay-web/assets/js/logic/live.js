/** Puts single fresh records into rows that were loaded before. */

import { worst, GREEN, MISSING, RED, YELLOW, statusOf } from './status.js';
import { noCounts } from './heatmap.js';

/** @typedef {import('../api/types.js').Layer} Layer */
/** @typedef {import('../api/types.js').Point} Point */
/** @typedef {import('../api/types.js').Row} Row */
/**
 * @typedef {object} News A record that was just made.
 * @property {string} provider
 * @property {string} service
 * @property {string} channel
 * @property {string} model
 * @property {number} status
 * @property {number} latency Milliseconds.
 * @property {number} at Unix seconds.
 */

/** Reads a message of the stream; `null` when it is not one. @param {string} text @returns {News|null} */
export function parseNews(text) {
  /** @type {any} */
  let json;
  try {
    json = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof json !== 'object' || json === null || !Number.isFinite(json.timestamp)) return null;
  const word = (/** @type {unknown} */ value) => (typeof value === 'string' ? value : '');
  return {
    provider: word(json.provider), service: word(json.service), channel: word(json.channel), model: word(json.model),
    status: statusOf(json.status),
    latency: Number.isFinite(json.latency) ? json.latency : 0,
    at: json.timestamp,
  };
}

/** Names the row a record belongs to. @param {{provider: string, service: string, channel: string}} key */
export function rowId({ provider, service, channel }) {
  return `${provider}/${service}/${channel}`;
}

/** What slow answers count on this site; it can be seen wherever there was one. @param {readonly Point[]} points */
function slowWorth(points) {
  return points.find((point) => point.status === YELLOW)?.availability ?? null;
}

/** @param {readonly Point[]} before @param {News} news @returns {Point|null} `null` when its worth is not known. */
function pointOf(before, news) {
  const worth = news.status === GREEN ? 100 : news.status === RED ? 0 : news.status === YELLOW ? slowWorth(before) : null;
  if (worth === null) return null;
  const counts = noCounts();
  if (news.status === GREEN) counts.available = 1;
  else if (news.status === RED) counts.unavailable = 1;
  else counts.degraded = 1;
  if (news.status === YELLOW) counts.causes.slow_latency = 1;
  return { at: news.at, status: news.status, latency: news.latency, availability: worth, counts };
}

/** A layer with single records put in; points are made when they are first asked for, as those before them are. */
class LiveLayer {
  /** @type {Layer} */ #base;
  /** @type {readonly News[]} */ #news;
  /** @type {number} */ #span;
  /** @type {readonly Point[]|undefined} */ #points;

  /** @param {Layer} base @param {readonly News[]} news @param {number} span Seconds of single probes shown, 0 for buckets. */
  constructor(base, news, span) {
    const { status, latency, at } = news[news.length - 1];
    this.model = base.model;
    this.current = { status, latency, at };
    this.#base = base;
    this.#news = news;
    this.#span = span;
  }

  /** @param {Layer} layer @param {News} news @param {number} span */
  static after(layer, news, span) {
    return layer instanceof LiveLayer ? new LiveLayer(layer.#base, [...layer.#news, news], span) : new LiveLayer(layer, [news], span);
  }

  get points() {
    this.#points ??= this.#make();
    return this.#points;
  }

  #make() {
    const before = this.#base.points;
    if (this.#span === 0) return before;
    const made = this.#news.map((news) => pointOf(before, news)).filter((point) => point !== null);
    return [...before.filter(({ at }) => made.every((point) => point.at !== at)), ...made]
      .filter(({ at }) => at > this.current.at - this.#span);
  }

  get availability() {
    if (this.#span === 0) return this.#base.availability;
    const filled = this.points.filter(({ availability }) => availability >= 0);
    return filled.length === 0 ? -1 : filled.reduce((sum, { availability }) => sum + availability, 0) / filled.length;
  }
}

/** A row with other layers, and the availability that follows from them when it is asked for. @param {Row} row @param {readonly Layer[]} layers @returns {Row} */
function rowWith(row, layers) {
  const shown = layers[0].current.at > 0 ? layers[0].current
    : layers.reduce((best, { current }) => (current.at > best.at ? current : best), layers[0].current);
  /** @type {number|undefined} */
  let known;
  return Object.defineProperty({
    ...row,
    layers,
    status: layers.reduce((status, { current }) => worst(status, current.status), MISSING),
    latency: shown.latency,
    checkedAt: shown.at,
  }, 'availability', {
    configurable: true,
    // Not copied with the row: whoever puts the next record in has no use for it.
    enumerable: false,
    get() {
      if (known === undefined) {
        const filled = layers.map(({ availability }) => availability).filter((availability) => availability >= 0);
        known = filled.length === 0 ? -1 : Math.min(...filled);
      }
      return known;
    },
  });
}

/**
 * Returns the row with the record put in, or the same row when the record is not newer than what it shows or belongs
 * to none of its models. Buckets stay as they are: they come with the next answer.
 * @param {Row} row
 * @param {News} news
 * @param {number} span Seconds of single probes shown, 0 when buckets are shown.
 * @returns {Row}
 */
export function withNews(row, news, span) {
  const place = row.layers.findIndex(({ model }) => model === news.model);
  // A monitor without models in the answer may still have a named one.
  const at = place < 0 && row.layers.length === 1 && row.layers[0].model === '' ? 0 : place;
  if (at < 0 || news.at <= row.layers[at].current.at) return row;
  return rowWith(row, row.layers.map((layer, index) => (index === at ? LiveLayer.after(layer, news, span) : layer)));
}
