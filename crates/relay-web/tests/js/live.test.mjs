import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseNews, withNews } from '../../assets/js/logic/live.js';
import { point, row } from './build.mjs';

const layer = (/** @type {object} */ own = {}) => ({
  model: '', current: { status: 1, latency: 100, at: 1000 }, availability: 100, points: [point({ at: 1000 })], ...own,
});
const news = (/** @type {object} */ own = {}) => ({
  provider: 'Acme', service: 'cc', channel: 'vip', model: '', status: 0, latency: 50, at: 1060, ...own,
});

test('a message is read, nonsense is not', () => {
  assert.deepEqual(parseNews('{"provider":"Acme","service":"cc","channel":"vip","model":"","status":0,"latency":50,"timestamp":1060}'), news());
  for (const text of ['', 'x', 'null', '[]', '{}', '{"timestamp":"1"}']) assert.equal(parseNews(text), null, text);
  assert.equal(parseNews('{"timestamp":1,"status":7}')?.status, -1);
});

test('a single probe is put at the end and counts', () => {
  const after = withNews(row({ layers: [layer()] }), news(), 5400);
  assert.deepEqual([after.status, after.latency, after.checkedAt, after.availability], [0, 50, 1060, 50]);
  assert.deepEqual(after.layers[0].points.map(({ at, status }) => [at, status]), [[1000, 1], [1060, 0]]);
});

test('what leaves the window is dropped', () => {
  const after = withNews(row({ layers: [layer()] }), news({ at: 1000 + 5400 }), 5400);
  assert.equal(after.layers[0].points.length, 1);
  assert.equal(after.availability, 0);
});

test('buckets stay until the next answer', () => {
  const before = row({ layers: [layer()], availability: 100 });
  const after = withNews(before, news(), 0);
  assert.equal(after.layers[0].points, before.layers[0].points);
  assert.deepEqual([after.status, after.availability], [0, 100]);
});

test('older and foreign records change nothing', () => {
  const before = row({ layers: [layer({ model: 'a' }), layer({ model: 'b' })] });
  assert.equal(withNews(before, news({ model: 'a', at: 1000 }), 5400), before);
  assert.equal(withNews(before, news({ model: 'c' }), 5400), before);
});

test('a group is as bad as its worst model and as fast as its parent', () => {
  const before = row({ layers: [layer({ model: 'a' }), layer({ model: 'b' })] });
  const after = withNews(before, news({ model: 'b' }), 5400);
  assert.deepEqual([after.status, after.latency, after.availability], [0, 100, 50]);
  assert.equal(after.layers[0], before.layers[0]);
});

test('a slow probe is worth what slow probes are worth on this site, and is not drawn while nobody knows', () => {
  const known = row({ layers: [layer({ points: [point({ at: 900, status: 2, availability: 70 }), point({ at: 1000 })] })] });
  assert.equal(withNews(known, news({ status: 2 }), 5400).layers[0].points[2].availability, 70);
  const unknown = withNews(row({ layers: [layer()] }), news({ status: 2 }), 5400);
  assert.deepEqual([unknown.status, unknown.layers[0].points.length, unknown.availability], [2, 1, 100]);
});
