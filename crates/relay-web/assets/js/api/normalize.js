/**
 * Turns what `/api/status` answers into the words of `types.js`.
 *
 * Reads the full form and the compact one, answers of older servers (fields may be absent) and nonsense (a field of
 * the wrong type counts as absent). Points are decoded on first use: most rows of a long page are never looked at.
 */

import { array, countsOf, number, numberOrNull, object, text } from './json.js';
import { MISSING, statusOf, worst } from '../logic/status.js';

/** @typedef {import('./types.js').Badge} Badge */
/** @typedef {import('./types.js').Board} Board */
/** @typedef {import('./types.js').Current} Current */
/** @typedef {import('./types.js').Layer} Layer */
/** @typedef {import('./types.js').Point} Point */
/** @typedef {import('./types.js').Row} Row */
/** @typedef {import('./json.js').Json} Json */
/** @typedef {(raw: unknown) => Point} Decode */

/** @type {Record<string, number>} */
const BUCKET_SECONDS = { '24h': 3600, '1d': 3600, '7d': 86_400, '30d': 86_400, '90d': 86_400, '1y': 604_800 };
const RAW_SECONDS = 90 * 60;

/** @param {unknown} value @returns {Point} */
function fullPoint(value) {
  const raw = object(value);
  const status = statusOf(raw.status);
  return {
    at: number(raw.timestamp),
    status,
    latency: number(raw.latency),
    availability: number(raw.availability, status === MISSING ? -1 : status === 0 ? 0 : 100),
    counts: countsOf(raw.status_counts),
  };
}

/**
 * Makes the decoder of compact points: arrays whose places `meta.point_fields` names, with places at the end left out.
 * Counts are pairs of a place in `meta.count_fields` and a value, one after the other.
 * @param {Json} meta
 * @returns {Decode}
 */
function pointDecoder(meta) {
  const fields = array(meta.point_fields).map(text);
  const names = array(meta.count_fields).map(text);
  /** @param {unknown} value */
  const counts = (value) => {
    if (!Array.isArray(value)) return value;
    /** @type {Json} */
    const named = {};
    for (let at = 0; at + 1 < value.length; at += 2) {
      const name = names[number(value[at], -1)];
      if (name) named[name] = value[at + 1];
    }
    return named;
  };
  return (value) => {
    if (!Array.isArray(value)) return fullPoint(value);
    /** @type {Json} */
    const named = {};
    fields.forEach((field, place) => {
      named[field] = value[place];
    });
    named.status_counts = counts(named.status_counts);
    return fullPoint(named);
  };
}

/** A layer that decodes its points when they are first asked for. */
class LazyLayer {
  /** @type {readonly unknown[]} */ #raw;
  /** @type {Decode} */ #decode;
  /** @type {readonly Point[]|undefined} */ #points;

  /** @param {string} model @param {Json} json @param {Decode} decode */
  constructor(model, json, decode) {
    this.model = model;
    this.current = currentOf(json.current_status);
    this.#raw = array(json.timeline);
    this.#decode = decode;
    this.availability = typeof json.availability === 'number' ? json.availability : meanAvailability(this.points);
  }

  /** @returns {readonly Point[]} */
  get points() {
    this.#points ??= this.#raw.map(this.#decode).sort((a, b) => a.at - b.at);
    return this.#points;
  }
}

/** What older servers leave to the page. @param {readonly Point[]} points */
function meanAvailability(points) {
  const filled = points.filter((point) => point.availability >= 0);
  return filled.length === 0 ? -1 : filled.reduce((sum, point) => sum + point.availability, 0) / filled.length;
}

/** @param {unknown} value @returns {Current} */
function currentOf(value) {
  const raw = object(value);
  return { status: statusOf(raw.status), latency: number(raw.latency), at: number(raw.timestamp) };
}

/** @param {unknown} value @returns {Badge} */
function badgeOf(value) {
  const raw = object(value);
  return {
    id: text(raw.id),
    kind: text(raw.kind),
    variant: text(raw.variant),
    url: text(raw.url),
    tooltip: text(raw.tooltip_override),
    label: raw.label,
    hint: raw.tooltip,
  };
}

/** @param {Json} json @param {readonly Layer[]} layers @param {number} slowMs @returns {Row} */
function rowOf(json, layers, slowMs) {
  const provider = text(json.provider);
  const service = text(json.service);
  const channel = text(json.channel);
  const providerLabel = text(json.provider_name) || provider;
  const serviceLabel = text(json.service_name) || service;
  const channelLabel = text(json.channel_name) || channel;
  const filled = layers.filter((layer) => layer.availability >= 0);
  const newest = layers.reduce((best, layer) => (layer.current.at > best.at ? layer.current : best), currentOf(null));
  const shown = layers[0] && layers[0].current.at > 0 ? layers[0].current : newest;
  return {
    id: `${provider}/${service}/${channel}`,
    provider,
    providerLabel,
    providerSlug: text(json.provider_slug),
    providerUrl: text(json.provider_url),
    service,
    serviceLabel,
    channel,
    channelLabel,
    category: text(json.category),
    sponsor: text(json.sponsor),
    sponsorUrl: text(json.sponsor_url),
    sponsorLevel: text(json.sponsor_level),
    risks: array(json.risks).map(object).map((risk) => ({ label: text(risk.label), url: text(risk.discussionUrl) })),
    badges: array(json.badges).map(badgeOf),
    priceMin: numberOrNull(json.price_min),
    priceMax: numberOrNull(json.price_max),
    listedDays: numberOrNull(json.listed_days),
    board: text(json.board),
    coldReason: text(json.cold_reason),
    probeUrl: text(json.probe_url),
    template: text(json.template_name),
    intervalMs: number(json.interval_ms),
    slowMs: number(json.slow_latency_ms, slowMs),
    status: layers.reduce((status, layer) => worst(status, layer.current.status), MISSING),
    latency: shown.latency,
    checkedAt: shown.at,
    availability: filled.length === 0 ? -1 : Math.min(...filled.map((layer) => layer.availability)),
    layers,
    text: [provider, providerLabel, service, serviceLabel, channel, channelLabel, text(json.category),
      ...layers.map((layer) => layer.model)].join('\n').toLowerCase(),
  };
}

/** @param {Json} meta @param {string} period @param {number} now */
function windowOf(meta, period, now) {
  const width = BUCKET_SECONDS[period] ?? 0;
  const [start, end] = [Date.parse(text(meta.start_time)) / 1000, Date.parse(text(meta.end_time)) / 1000];
  if (Number.isFinite(start) && Number.isFinite(end)) return { start, end, width };
  return { start: now - RAW_SECONDS, end: now, width };
}

/** @param {Json} pin @returns {import('./types.js').PinRules} */
function pinRules(pin) {
  return {
    enabled: pin.enabled === true,
    most: number(pin.max_pinned),
    perProvider: number(pin.service_count, 1),
    minUptime: number(pin.min_uptime),
    minLevel: text(pin.min_level),
  };
}

/**
 * Reads an answer of `/api/status`.
 * @param {unknown} answer
 * @param {string} period What was asked for; used where the answer does not say.
 * @param {number} now The server's clock, Unix seconds.
 * @returns {Board}
 */
export function normalize(answer, period, now) {
  const json = object(answer);
  const meta = object(json.meta);
  const decode = pointDecoder(meta);
  const slowMs = number(meta.slow_latency_ms);
  const rows = array(json.data).map(object).map((monitor) =>
    rowOf(monitor, [new LazyLayer(text(monitor.model), monitor, decode)], slowMs));
  for (const group of array(json.groups).map(object)) {
    const layers = array(group.layers).map(object)
      .sort((a, b) => number(a.layer_order) - number(b.layer_order))
      .map((layer) => new LazyLayer(text(layer.model), layer, decode));
    rows.push(rowOf(group, layers, slowMs));
  }
  const asked = text(meta.period) || period;
  const raw = text(meta.timeline_mode) === '' ? asked === '90m' : text(meta.timeline_mode) === 'raw';
  return {
    period: asked,
    raw,
    ...windowOf(meta, asked, now),
    badges: meta.enable_badges === true,
    boards: object(meta.boards).enabled === true,
    pins: pinRules(object(meta.sponsor_pin)),
    ids: array(meta.all_monitor_ids).map(text),
    rows: uniqueIds(rows),
  };
}

/** Two rows may share a name in a strange answer; keys must not. @param {Row[]} rows */
function uniqueIds(rows) {
  /** @type {Map<string, number>} */
  const seen = new Map();
  for (const row of rows) {
    const times = seen.get(row.id) ?? 0;
    seen.set(row.id, times + 1);
    if (times > 0) row.id = `${row.id}#${times}`;
  }
  return rows;
}
