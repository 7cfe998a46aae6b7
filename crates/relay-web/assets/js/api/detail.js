/** What the detail of one monitor shows: its timeline and its last records. */

import { array, countsOf, number, numberOrNull, object, text } from './json.js';
import { MISSING, RED, statusOf } from '../logic/status.js';

/** @typedef {import('./types.js').DetailPoint} DetailPoint */
/** @typedef {import('./types.js').Detail} Detail */
/** @typedef {import('./types.js').HistoryRecord} HistoryRecord */

/** @param {unknown} value @returns {DetailPoint} */
function pointOf(value) {
  const raw = object(value);
  const status = statusOf(raw.status);
  return {
    at: number(raw.timestamp),
    status,
    latency: number(raw.latency),
    availability: number(raw.availability, status === MISSING ? -1 : status === RED ? 0 : 100),
    counts: countsOf(raw.status_counts),
    p50: numberOrNull(raw.latency_p50),
    p95: numberOrNull(raw.latency_p95),
    first: numberOrNull(raw.first_token_p50),
    dns: numberOrNull(raw.dns_ms),
    connect: numberOrNull(raw.connect_ms),
    tls: numberOrNull(raw.tls_ms),
    total: numberOrNull(raw.total_ms),
  };
}

/** Reads an answer of `/api/timeline`. @param {unknown} answer @returns {Detail} */
export function readTimeline(answer) {
  const json = object(answer);
  const meta = object(json.meta);
  const points = array(json.points).map(pointOf).sort((a, b) => a.at - b.at);
  const [start, end] = [Date.parse(text(meta.start_time)) / 1000, Date.parse(text(meta.end_time)) / 1000];
  return {
    raw: meta.timeline_mode === 'raw',
    start: Number.isFinite(start) ? start : points[0]?.at ?? 0,
    end: Number.isFinite(end) ? end : points[points.length - 1]?.at ?? 0,
    slowMs: number(meta.slow_latency_ms),
    availability: number(meta.availability, -1),
    p50: numberOrNull(meta.latency_p50),
    p95: numberOrNull(meta.latency_p95),
    p99: numberOrNull(meta.latency_p99),
    points,
  };
}

/** Reads an answer of `/api/history`. @param {unknown} answer @returns {{records: HistoryRecord[], next: string}} */
export function readHistory(answer) {
  const json = object(answer);
  const records = array(json.records).map(object).map((raw) => ({
    id: number(raw.id),
    at: number(raw.timestamp),
    status: statusOf(raw.status),
    cause: text(raw.sub_status),
    code: number(raw.http_code),
    latency: number(raw.latency),
    first: numberOrNull(raw.first_token_ms),
    total: numberOrNull(raw.total_ms),
    reason: text(raw.reason),
    detail: text(raw.detail),
  }));
  return { records, next: text(json.next_cursor) };
}
