import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_SORTING, badgeScore, nextSorting, parseSorting, sortRows } from '../../assets/js/logic/sort.js';
import { row } from './build.mjs';

/** @param {any[]} rows @param {string} sort */
const order = (rows, sort) => sortRows(rows, parseSorting(sort)).map(({ id }) => id).join('');

test('availability: missing last in both directions, ties by latency', () => {
  const rows = [
    row({ id: 'a', availability: 90 }), row({ id: 'b', availability: -1 }),
    row({ id: 'c', availability: 100, latency: 300 }), row({ id: 'd', availability: 100, latency: 200 }),
  ];
  assert.equal(order(rows, 'uptime_desc'), 'dcab');
  assert.equal(order(rows, 'uptime_asc'), 'adcb');
});

test('latency: red ones last, then those without, in both directions', () => {
  const rows = [
    row({ id: 'a', latency: 0 }), row({ id: 'b', latency: 50, status: 0 }), row({ id: 'c', latency: 300 }),
    row({ id: 'd', latency: 100, status: 2 }),
  ];
  assert.equal(order(rows, 'latency_asc'), 'dcba');
  assert.equal(order(rows, 'latency_desc'), 'cdba');
});

test('status: green, yellow, missing, red', () => {
  const rows = [row({ id: 'r', status: 0 }), row({ id: 'm', status: -1 }), row({ id: 'y', status: 2 }), row({ id: 'g' })];
  assert.equal(order(rows, 'currentStatus_desc'), 'gymr');
  assert.equal(order(rows, 'lastCheck_asc'), 'rmyg');
});

test('price by the higher end, else the lower one; unknown last', () => {
  const rows = [row({ id: 'a', priceMin: 0.1 }), row({ id: 'b' }), row({ id: 'c', priceMin: 0.05, priceMax: 0.3 })];
  assert.equal(order(rows, 'priceRatio_desc'), 'cab');
  assert.equal(order(rows, 'priceRatio_asc'), 'acb');
});

test('words sort by language and digits by value', () => {
  const rows = [row({ id: 'a', channelLabel: 'c10' }), row({ id: 'b', channelLabel: 'c9' }), row({ id: 'c', channelLabel: 'B' })];
  assert.equal(order(rows, 'channel_asc'), 'cba');
});

test('badge score: public 10, levels 20, 50, 100, each risk costs 50', () => {
  assert.equal(badgeScore(row({ category: 'public' })), 10);
  assert.equal(badgeScore(row({ sponsorLevel: 'enterprise', risks: [{}, {}] })), 0);
  assert.equal(badgeScore(row({ sponsorLevel: 'basic', category: 'public' })), 30);
  assert.equal(badgeScore(row({ sponsorLevel: 'toString' })), 0);
});

test('equal rows keep their order', () => {
  const rows = 'abcdef'.split('').map((id) => row({ id }));
  assert.equal(order(rows, 'uptime_desc'), 'abcdef');
});

test('sorting is read from links, and nonsense is the default', () => {
  assert.deepEqual(parseSorting('latency_asc'), { key: 'latency', direction: 'asc' });
  for (const text of [null, '', 'latency', 'latency_up', 'toString_asc', '__proto___desc', '_asc']) {
    assert.deepEqual(parseSorting(text), DEFAULT_SORTING);
  }
});

test('a click sorts descending, the next one ascending', () => {
  const first = nextSorting(DEFAULT_SORTING, 'latency');
  assert.deepEqual(first, { key: 'latency', direction: 'desc' });
  assert.deepEqual(nextSorting(first, 'latency'), { key: 'latency', direction: 'asc' });
  assert.deepEqual(nextSorting(nextSorting(first, 'latency'), 'latency'), first);
});
