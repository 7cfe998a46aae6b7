import assert from 'node:assert/strict';
import { test } from 'node:test';
import { alignToSlots, blockAt, combine, mergeBlocks, noCounts, probeSlots, rowBlocks, sumCounts } from '../../assets/js/logic/heatmap.js';
import { block, point, row } from './build.mjs';

/** @param {readonly any[]} blocks */
const statuses = (blocks) => blocks.map(({ status }) => ({ 1: 'g', 2: 'y', 0: 'r', '-1': '.' })[String(status)]).join('');
const board = (/** @type {object} */ own) => ({ period: '90m', raw: true, start: 0, end: 600, width: 0, badges: false, boards: false, ids: [], pins: { enabled: false, most: 0, perProvider: 0, minUptime: 0, minLevel: '' }, rows: [], ...own });
const layer = (/** @type {any[]} */ points, model = '') => ({ model, current: { status: 1, latency: 1, at: 1 }, availability: 100, points });

test('merging keeps the worst status, the mean availability, the summed counts and the whole range', () => {
  const blocks = [
    block({ start: 0, end: 60, availability: 100, latency: 100, counts: { ...noCounts(), available: 3 } }),
    block({ start: 60, end: 120, status: 0, availability: 0, latency: 0, counts: { ...noCounts(), unavailable: 2, causes: { server_error: 2 }, codes: { server_error: { 503: 2 } } } }),
    block({ start: 120, end: 180, status: -1, availability: -1, latency: 0 }),
    block({ start: 180, end: 240, status: 2, availability: 80, latency: 300, counts: { ...noCounts(), degraded: 1, causes: { server_error: 1 }, codes: { server_error: { 503: 1, 500: 1 } } } }),
  ];
  const [one] = mergeBlocks(blocks, 1);
  assert.equal(one.status, 0);
  assert.equal(one.availability, 60);
  assert.equal(one.latency, 200);
  assert.deepEqual([one.start, one.end], [0, 240]);
  assert.deepEqual([one.counts.available, one.counts.degraded, one.counts.unavailable], [3, 1, 2]);
  assert.deepEqual(one.counts.causes, { server_error: 3 });
  assert.deepEqual(one.counts.codes, { server_error: { 500: 1, 503: 3 } });
});

test('merging leaves at most the limit, in full runs from the newest end, and touches nothing that fits', () => {
  const many = Array.from({ length: 90 }, (_, index) => block({ start: index, end: index + 1 }));
  assert.equal(mergeBlocks(many, 50).length, 45);
  const weeks = mergeBlocks(many.slice(0, 53), 50);
  assert.deepEqual([weeks.length, weeks[0].end - weeks[0].start, weeks.at(-1)?.end], [27, 1, 53]);
  assert.equal(mergeBlocks(many, 90), many);
  assert.equal(mergeBlocks(many, Infinity), many);
});

test('a row of empty buckets stays missing when merged', () => {
  const [one] = mergeBlocks([block({ status: -1, availability: -1, latency: 0 }), block({ status: -1, availability: -1, latency: 0 })], 1);
  assert.deepEqual([one.status, one.availability, one.latency], [-1, -1, 0]);
});

test('single probes are not merged however many there are, and gaps show', () => {
  const points = [0, 60, 120, 300, 360, 420, 480, 540, 600].map((at) => point({ at, status: at === 300 ? 0 : 1, availability: at === 300 ? 0 : 100 }));
  const one = row({ layers: [layer(points)] });
  assert.equal(statuses(rowBlocks(board({}), one, 3)[0]), 'ggg..rgggg'.replace('gggg', 'ggggg'));
});

test('time before the first and after the last probe is missing', () => {
  const points = [300, 360].map((at) => point({ at }));
  assert.equal(statuses(rowBlocks(board({}), row({ layers: [layer(points)] }), 50)[0]), '.....gg....');
});

test('jitter of a few seconds makes neither gaps nor extra slots', () => {
  const points = Array.from({ length: 11 }, (_, index) => point({ at: index * 60 + (index % 3) * 4 }));
  assert.equal(probeSlots(points, 60, 0, 640).length, 11);
});

test('probes from the time of a longer interval are no gaps, but a hole among them is', () => {
  const old = Array.from({ length: 10 }, (_, index) => point({ at: 60 + index * 60 }));
  const now = Array.from({ length: 10 }, (_, index) => point({ at: 606 + index * 6 }));
  assert.equal(probeSlots([...old, ...now], 6, 57, 660).length, 20);
  const holed = old.filter(({ at }) => at !== 300);
  assert.ok(probeSlots([...holed, ...now], 6, 57, 660).length > 19);
});

test('layers that run two seconds apart line up', () => {
  const parent = Array.from({ length: 11 }, (_, index) => point({ at: index * 60 }));
  const child = parent.map(({ at }) => point({ at: at + 2, status: at === 120 ? 0 : 1 })).filter(({ at }) => at !== 302);
  const [first, second] = rowBlocks(board({}), row({ layers: [layer(parent, 'a'), layer(child, 'b')] }), 50);
  assert.equal(statuses(first), 'ggggggggggg');
  assert.equal(statuses(second), 'ggrgg.ggggg');
});

test('two probes near one slot both stay', () => {
  const placed = alignToSlots([point({ at: 58, status: 0 }), point({ at: 61 })], [0, 60, 120]);
  assert.equal(placed.filter(Boolean).length, 2);
});

test('strange intervals and clocks stay bounded', () => {
  const far = [point({ at: -1e9 }), point({ at: 1e10 })];
  assert.ok(probeSlots(far, 0.001, 0, 5400).length <= 2002);
  assert.deepEqual(rowBlocks(board({}), row({ layers: [] }), 50), []);
  assert.deepEqual(alignToSlots([point()], []), []);
});

test('buckets of layers are matched by time', () => {
  const data = board({ raw: false, period: '24h', width: 3600 });
  const one = row({ layers: [layer([point({ at: 0 }), point({ at: 3600 })]), layer([point({ at: 3600, status: 2 })])] });
  const [first, second] = rowBlocks(data, one, 50);
  assert.equal(statuses(first), 'gg');
  assert.equal(statuses(second), '.y');
  assert.deepEqual([second[1].start, second[1].end], [3600, 7200]);
});

test('blocks are found by place, also beyond the ends', () => {
  assert.deepEqual([0, 49, 50, 99, 100, -5].map((x) => blockAt(x, 100, 2)), [0, 0, 1, 1, 1, 0]);
  assert.equal(blockAt(5, 0, 2), -1);
  assert.equal(blockAt(5, 100, 0), -1);
});

test('sums of no counts are zero', () => {
  assert.deepEqual(sumCounts([]), noCounts());
});

test('the models of a group together are as available as the weakest and as slow as the slowest', () => {
  const counts = (/** @type {object} */ own) => ({ ...noCounts(), ...own });
  const together = combine([
    block({ status: 1, latency: 120, availability: 100, counts: counts({ available: 3 }) }),
    block({ status: 0, latency: 900, availability: 25, counts: counts({ available: 1, unavailable: 3, causes: { server_error: 3 } }) }),
    block({ status: -1, latency: 0, availability: -1 }),
  ]);
  assert.deepEqual([together.status, together.latency, together.availability], [0, 900, 25]);
  assert.deepEqual([together.counts.available, together.counts.unavailable, together.counts.causes.server_error], [4, 3, 3]);
  assert.equal(combine([block({ status: -1, availability: -1, latency: 0 })]).availability, -1);
});
