import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatUrl, isFiltered, parseUrl } from '../../assets/js/logic/url-state.js';

test('an empty query string is the default state and is written as nothing', () => {
  const state = parseUrl('');
  assert.deepEqual([state.period, state.board, state.view, state.sorting.key, state.embed], ['90m', 'hot', '', 'uptime', false]);
  assert.equal(formatUrl(state), '');
  assert.equal(isFiltered(state), false);
});

test('existing links read and write back', () => {
  for (const link of [
    '?period=24h', '?period=7d&tf=09:00-17:30', '?board=cold', '?provider=88code,duckcoding&service=cc&view=grid',
    '?sort=latency_asc', '?category=public&fav=1', '?channel=vip%20%2B&q=a%20b'.replaceAll('%20', '+'),
  ]) assert.equal(formatUrl(parseUrl(link)), link);
});

test('1d is 24h, all means no filter, case and blanks do not matter', () => {
  const state = parseUrl('?period=1d&provider=all, Acme ,acme,&service=ALL');
  assert.equal(state.period, '24h');
  assert.deepEqual(state.choices.provider, ['acme']);
  assert.deepEqual(state.choices.service, []);
});

test('nonsense becomes the default', () => {
  const state = parseUrl('?period=5y&board=warm&view=list&sort=x_y&tf=9-5&fav=yes');
  assert.equal(formatUrl(state), '');
  for (const tf of ['09:15-10:00', '25:00-26:00', '09:00', '<script>']) assert.equal(parseUrl(`?tf=${encodeURIComponent(tf)}`).timeFilter, '');
});

test('values with commas and percent signs survive', () => {
  const state = parseUrl('');
  state.choices.channel = ['a,b', '100%', '%2c'];
  assert.deepEqual(parseUrl(formatUrl(state)).choices.channel, ['a,b', '100%', '%2c']);
});

test('parameters of others stay', () => {
  assert.equal(formatUrl(parseUrl('?embed=1&utm=x&period=7d'), '?embed=1&utm=x&period=90m'), '?embed=1&utm=x&period=7d');
});

test('very long lists and searches are cut', () => {
  assert.equal(parseUrl(`?provider=${Array.from({ length: 999 }, (_, i) => i).join(',')}`).choices.provider.length, 200);
  assert.equal(parseUrl(`?q=${'x'.repeat(999)}`).query.length, 200);
});

test('an open detail is part of the address, its model only with it', () => {
  const link = '?period=7d&detail=Acme/cc/vip&model=opus';
  assert.equal(formatUrl(parseUrl(link)), link);
  assert.equal(formatUrl({ ...parseUrl(link), detail: '' }), '?period=7d');
});

test('only an order that was asked for counts as one', () => {
  assert.deepEqual(['', '?sort=x_y', '?sort=uptime_desc', '?sort=latency_asc'].map((link) => parseUrl(link).sorted), [false, false, true, true]);
});

test('the usual order stays in the address where it was asked for there, and is not put in otherwise', () => {
  const link = '?sort=uptime_desc&period=7d';
  const state = parseUrl(link);
  assert.equal(formatUrl({ ...state, detail: 'a/b/c' }, link), '?sort=uptime_desc&period=7d&detail=a/b/c');
  assert.equal(formatUrl({ ...state, sorting: { key: 'latency', direction: 'asc' } }, link), '?sort=latency_asc&period=7d');
  assert.equal(formatUrl(state, '?sort=latency_asc&period=7d'), '?period=7d');
  assert.equal(formatUrl(parseUrl(''), '?sort=uptime_desc'), '');
});

test('a screenshot says so and has a title of its own', () => {
  const state = parseUrl('?screenshot=1&title=Acme%20%26%20Co&provider=a,b');
  assert.deepEqual([state.screenshot, state.title, state.choices.provider], [true, 'Acme & Co', ['a', 'b']]);
});
