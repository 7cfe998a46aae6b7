import assert from 'node:assert/strict';
import { test } from 'node:test';
import { facetOptions, filterRows, summarize } from '../../assets/js/logic/search.js';
import { row } from './build.mjs';

const ROWS = [
  row({ id: 'a', provider: 'Acme', providerLabel: 'Acme Inc', service: 'cc', channel: 'vip' }),
  row({ id: 'b', provider: 'Acme', providerLabel: 'Acme Inc', service: 'cx', channel: 'std', status: 2 }),
  row({ id: 'c', provider: 'Zeta', providerLabel: 'Zeta', providerSlug: 'zeta-ai', service: 'cc', channel: 'vip', category: 'public', status: 0 }),
];
const none = { provider: [], service: [], channel: [], category: [] };
/** @param {object} choices @param {string} [query] */
const ids = (choices, query = '') => filterRows(ROWS, { ...none, ...choices }, query).map(({ id }) => id).join('');

test('each filter takes several values, and all filters must pass', () => {
  assert.equal(ids({}), 'abc');
  assert.equal(ids({ provider: ['acme'] }), 'ab');
  assert.equal(ids({ provider: ['acme', 'zeta'], service: ['cc'] }), 'ac');
  assert.equal(ids({ category: ['public'] }), 'c');
  assert.equal(ids({ channel: ['none'] }), '');
});

test('a provider is found by its slug too', () => {
  assert.equal(ids({ provider: ['zeta-ai'] }), 'c');
});

test('the search wants every word somewhere', () => {
  assert.equal(ids({}, '  ACME vip '), 'a');
  assert.equal(ids({}, 'inc cx'), 'b');
  assert.equal(ids({}, 'nothing'), '');
});

test('counts of one filter follow the other filters and the search, not itself', () => {
  const options = facetOptions(ROWS, { ...none, service: ['cc'], provider: ['acme'] }, '');
  assert.deepEqual(options.provider.map(({ value, count, chosen }) => [value, count, chosen]), [['acme', 1, true], ['zeta', 1, false]]);
  assert.deepEqual(options.service.map(({ value, count }) => [value, count]), [['cc', 1], ['cx', 1]]);
  assert.deepEqual(options.category.map(({ value, count }) => [value, count]), [['commercial', 1], ['public', 0]]);
  assert.deepEqual(facetOptions(ROWS, none, 'zeta').service.map(({ count }) => count), [1, 0]);
});

test('a chosen value that is gone stays listed, so that it can be taken back', () => {
  const gone = facetOptions(ROWS, { ...none, channel: ['old'] }, '').channel.find(({ value }) => value === 'old');
  assert.deepEqual(gone, { value: 'old', label: 'old', count: 0, chosen: true });
});

test('a provider chosen by slug is not listed twice', () => {
  const options = facetOptions(ROWS, { ...none, provider: ['zeta-ai'] }, '').provider;
  assert.deepEqual(options.map(({ value, chosen }) => [value, chosen]), [['acme', false], ['zeta', true]]);
});

test('the summary counts by status', () => {
  assert.deepEqual(summarize(ROWS), { total: 3, green: 1, yellow: 1, red: 1, missing: 0 });
});
