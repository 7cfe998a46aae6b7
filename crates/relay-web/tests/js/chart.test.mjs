import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bandPath, dotPath, linePath, mean, nearest, phases, scale, ticks } from '../../assets/js/logic/chart.js';

test('ticks are round, begin at 0 and reach over the highest value', () => {
  assert.deepEqual(ticks(634, 4), [0, 200, 400, 600, 800]);
  assert.deepEqual(ticks(800, 4), [0, 200, 400, 600, 800]);
  assert.deepEqual(ticks(7, 4), [0, 2, 4, 6, 8]);
  assert.deepEqual(ticks(0, 4), [0, 1]);
  assert.deepEqual(ticks(NaN, 4), [0, 1]);
  for (const highest of [1, 3, 99, 1001, 45_678, 1e9]) {
    const found = ticks(highest, 4);
    assert.ok(found.length <= 6 && found[found.length - 1] >= highest, String(highest));
  }
});

test('a scale never leaves its range', () => {
  const x = scale(100, 200, 50, 250);
  assert.deepEqual([x(100), x(150), x(200), x(0), x(1e9)], [50, 150, 250, 50, 250]);
  assert.equal(scale(5, 5, 0, 10)(5), 5);
});

const same = (/** @type {number} */ value) => value;

test('a line breaks where values are missing, and single values are dots', () => {
  const line = (/** @type {(number|null)[]} */ ...values) => linePath(values.map((value, at) => ({ at, value })), same, same);
  assert.equal(line(1, 2, 3), 'M0 1L1 2L2 3');
  assert.equal(line(1, 2, null, 4, 5), 'M0 1L1 2M3 4L4 5');
  assert.equal(line(1, null, 3), 'M0 1h0M2 3h0');
  assert.equal(line(null), '');
});

test('a band closes where either side is missing', () => {
  const of = (/** @type {(number|null)[]} */ values) => values.map((value, at) => ({ at, value }));
  assert.equal(bandPath(of([9, 8, null, 7]), of([1, 2, 3, 4]), same, same), 'M0 9L1 8L1 2L0 1Z');
  assert.equal(bandPath(of([]), of([]), same, same), '');
});

test('the nearest point is found', () => {
  const points = [{ at: 0 }, { at: 10 }, { at: 30 }];
  assert.deepEqual([-5, 4, 5, 6, 19, 21, 99].map((at) => nearest(points, at)), [0, 0, 0, 1, 1, 2, 2]);
  assert.equal(nearest([], 3), -1);
});

test('phases follow one another and add up to the whole', () => {
  const parts = phases({ dns: 5, connect: 10, tls: 20, latency: 300, first: 400, total: 900 });
  assert.deepEqual(parts.map(({ name, ms }) => [name, ms]),
    [['dns', 5], ['connect', 10], ['tls', 20], ['wait', 265], ['first', 100], ['rest', 500]]);
  const none = { dns: null, connect: null, tls: null, latency: null, first: null, total: null };
  assert.deepEqual(phases(none), []);
  assert.deepEqual(phases({ ...none, latency: 300, total: 250 }).map(({ name }) => name), ['wait']);
});

test('a mean leaves out what is not known', () => {
  assert.equal(mean([1, null, 3]), 2);
  assert.equal(mean([null]), null);
});

test('samples that stand alone are dots, others are not', () => {
  const same = (/** @type {number} */ value) => value;
  const samples = [1, null, 2, 3, null, 4].map((value, at) => ({ at, value }));
  assert.equal(dotPath(samples, same, same), 'M0 1h0M5 4h0');
  assert.equal(dotPath([], same, same), '');
});
