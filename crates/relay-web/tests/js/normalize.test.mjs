import assert from 'node:assert/strict';
import { test } from 'node:test';
import { normalize } from '../../assets/js/api/normalize.js';

const NOW = 1_772_368_496;
const counts = { available: 3, degraded: 0, unavailable: 2, missing: 0, slow_latency: 0, server_error: 2, http_code_breakdown: { server_error: { 503: 2 } } };
const full = { time: '', timestamp: 100, status: 0, latency: 250, availability: 60, status_counts: counts };
const monitor = { provider: 'Acme', provider_name: 'Acme Inc', provider_slug: 'acme', service: 'cc', channel: 'vip', category: 'public', interval_ms: 60000, slow_latency_ms: 5000, current_status: { status: 2, latency: 900, timestamp: 160 }, availability: 60, timeline: [full] };

/** @param {object} own @param {object} [meta] */
const read = (own, meta = {}) => normalize({ meta: { period: '24h', timeline_mode: 'aggregated', ...meta }, data: [], groups: [], ...own }, '24h', NOW);

test('the full form', () => {
  const { rows: [row], raw, width } = read({ data: [monitor] });
  assert.deepEqual([raw, width], [false, 3600]);
  assert.deepEqual([row.providerLabel, row.serviceLabel, row.channelLabel, row.status, row.latency, row.checkedAt, row.availability], ['Acme Inc', 'cc', 'vip', 2, 900, 160, 60]);
  assert.deepEqual(row.layers[0].points, [{ at: 100, status: 0, latency: 250, availability: 60, counts: { available: 3, degraded: 0, unavailable: 2, missing: 0, causes: { server_error: 2 }, codes: { server_error: { 503: 2 } } } }]);
});

test('the compact form says the same', () => {
  const meta = {
    point_fields: ['timestamp', 'status', 'latency', 'availability', 'status_counts'],
    count_fields: ['available', 'degraded', 'unavailable', 'missing', 'server_error', 'http_code_breakdown'],
  };
  const compact = { ...monitor, timeline: [[100, 0, 250, 60, [0, 3, 2, 2, 4, 2, 5, { server_error: { 503: 2 } }]]] };
  assert.deepEqual(read({ data: [compact] }, meta).rows[0].layers[0].points, read({ data: [monitor] }).rows[0].layers[0].points);
  const [empty, odd] = read({ data: [{ ...monitor, timeline: [[100], [200, 1, 5, 100, [99, 1, 'x', 2, 0]]] }] }, meta).rows[0].layers[0].points;
  assert.deepEqual([empty.at, empty.status, empty.latency, empty.availability], [100, -1, 0, -1]);
  assert.deepEqual([odd.status, odd.counts.available], [1, 0]);
});

test('a group: layers in order, worst status, least availability, the parent speaks for latency', () => {
  const layer = (/** @type {string} */ model, /** @type {number} */ order, /** @type {object} */ own) => ({ model, layer_order: order, availability: 100, current_status: { status: 1, latency: 100, timestamp: 50 }, timeline: [], ...own });
  const group = { ...monitor, current_status: 0, timeline: undefined, layers: [
    layer('child', 1, { availability: 80, current_status: { status: 0, latency: 0, timestamp: 60 } }),
    layer('parent', 0, {}), layer('empty', 2, { availability: -1, current_status: { status: -1, latency: 0, timestamp: 0 } }),
  ] };
  const [row] = read({ groups: [group] }).rows;
  assert.deepEqual(row.layers.map(({ model }) => model), ['parent', 'child', 'empty']);
  assert.deepEqual([row.status, row.availability, row.latency, row.checkedAt], [0, 80, 100, 50]);
});

test('a group whose parent has no record takes the newest layer', () => {
  const layers = [
    { model: 'a', layer_order: 0, current_status: { status: -1, latency: 0, timestamp: 0 }, availability: -1, timeline: [] },
    { model: 'b', layer_order: 1, current_status: { status: 1, latency: 70, timestamp: 9 }, availability: 100, timeline: [] },
  ];
  const [row] = read({ groups: [{ ...monitor, layers }] }).rows;
  assert.deepEqual([row.latency, row.checkedAt, row.availability], [70, 9, 100]);
});

test('an older server without availability: the mean of its buckets', () => {
  const old = { ...monitor, availability: undefined, timeline: [full, { ...full, timestamp: 200, availability: 100 }, { ...full, timestamp: 300, status: -1, availability: -1 }] };
  assert.equal(read({ data: [old] }).rows[0].availability, 80);
});

test('nothing strange breaks it', () => {
  for (const strange of [null, [], 'x', 7, {}, { meta: null, data: {}, groups: 'x' }]) {
    assert.deepEqual(normalize(strange, '90m', NOW).rows, []);
  }
  const odd = [null, 7, {}, { provider: 5, timeline: 'x', current_status: [] }, { ...monitor, timeline: [null, {}, [1, 2], { status: 'green', timestamp: 'now', latency: NaN }] }];
  const { rows } = read({ data: odd });
  assert.equal(rows.length, 5);
  for (const row of rows) for (const layer of row.layers) for (const point of layer.points) assert.equal(typeof point.at, 'number');
  assert.equal(rows[4].layers[0].points.at(-1)?.status, -1);
});

test('rows with the same name have different ids', () => {
  const { rows } = read({ data: [monitor, monitor, monitor] });
  assert.equal(new Set(rows.map(({ id }) => id)).size, 3);
});

test('the window comes from the answer, else from the clock', () => {
  assert.deepEqual([read({}).start, read({}).end], [NOW - 5400, NOW]);
  const meta = { start_time: '2026-03-01T00:00:00Z', end_time: '2026-03-02T00:00:00Z' };
  assert.equal(read({}, meta).end - read({}, meta).start, 86_400);
});

test('points are put in order', () => {
  const mixed = { ...monitor, timeline: [{ ...full, timestamp: 300 }, { ...full, timestamp: 100 }] };
  assert.deepEqual(read({ data: [mixed] }).rows[0].layers[0].points.map(({ at }) => at), [100, 300]);
});
