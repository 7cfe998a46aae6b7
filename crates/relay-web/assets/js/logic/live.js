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

/** What slow answers count on this site; it can be seen wherever there was one. @param {readonly Layer[]} layers */
function slowWorth(layers) {
  for (const { points } of layers) {
    const slow = points.find((point) => point.status === YELLOW);
    if (slow) return slow.availability;
  }
  return null;
}

/** @param {Row} row @param {News} news @returns {Point|null} `null` when its worth is not known. */
function pointOf(row, news) {
  const worth = news.status === GREEN ? 100 : news.status === RED ? 0 : news.status === YELLOW ? slowWorth(row.layers) : null;
  if (worth === null) return null;
  const counts = noCounts();
  if (news.status === GREEN) counts.available = 1;
  else if (news.status === RED) counts.unavailable = 1;
  else counts.degraded = 1;
  if (news.status === YELLOW) counts.causes.slow_latency = 1;
  return { at: news.at, status: news.status, latency: news.latency, availability: worth, counts };
}

/** @param {Layer} layer @param {Row} row @param {News} news @param {number} span Seconds of single probes shown, 0 for buckets. @returns {Layer} */
function layerWith(layer, row, news, span) {
  const current = { status: news.status, latency: news.latency, at: news.at };
  const point = span > 0 ? pointOf(row, news) : null;
  if (point === null) {
    return { model: layer.model, current, availability: layer.availability, get points() { return layer.points; } };
  }
  const points = layer.points.filter(({ at }) => at > news.at - span && at !== news.at);
  points.push(point);
  const filled = points.filter(({ availability }) => availability >= 0);
  const availability = filled.reduce((sum, { availability: own }) => sum + own, 0) / filled.length;
  return { model: layer.model, current, availability, points };
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
  const layers = row.layers.map((layer, index) => (index === at ? layerWith(layer, row, news, span) : layer));
  const filled = layers.filter(({ availability }) => availability >= 0);
  const shown = layers[0].current.at > 0 ? layers[0].current
    : layers.reduce((best, { current }) => (current.at > best.at ? current : best), layers[0].current);
  return {
    ...row,
    layers,
    status: layers.reduce((status, { current }) => worst(status, current.status), MISSING),
    latency: shown.latency,
    checkedAt: shown.at,
    availability: filled.length === 0 ? -1 : Math.min(...filled.map(({ availability }) => availability)),
  };
}
