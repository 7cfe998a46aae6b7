import assert from 'node:assert/strict';
import { test } from 'node:test';
import { statusUrl } from '../../assets/js/api/client.js';
import { localized, translator } from '../../assets/js/i18n.js';
import { changed, favoriteId, formatFavorites, keepKnown, parseFavorites } from '../../assets/js/logic/favorites.js';
import { statusOf, worst } from '../../assets/js/logic/status.js';
import { localFilter, utcFilter } from '../../assets/js/logic/time-filter.js';
import { offsets, visibleRange } from '../../assets/js/logic/viewport.js';
import { row } from './build.mjs';

test('the drawn range covers the window and never leaves the list', () => {
  const starts = offsets(Array.from({ length: 100 }, () => 40));
  assert.deepEqual(visibleRange(starts, 0, 100, 0), [0, 3]);
  assert.deepEqual(visibleRange(starts, 1000, 1100, 2), [23, 30]);
  assert.deepEqual(visibleRange(starts, -500, -400, 1), [0, 2]);
  assert.deepEqual(visibleRange(starts, 1e9, 1e9, 1), [98, 100]);
  assert.deepEqual(visibleRange(offsets([]), 0, 100, 5), [0, 0]);
});

test('rows of different heights are found', () => {
  const starts = offsets([40, 100, 40, 60]);
  assert.deepEqual(starts, [0, 40, 140, 180, 240]);
  assert.deepEqual(visibleRange(starts, 50, 139, 0), [1, 2]);
});

test('favourites keep the known form and forget what is no longer listed', () => {
  const items = changed(parseFavorites('{"version":1,"items":["a-cc-vip","b-cx-default",7]}'), 'c-cc-x', true);
  assert.equal(formatFavorites(items), '{"version":1,"items":["a-cc-vip","b-cx-default","c-cc-x"]}');
  assert.deepEqual([...changed(items, 'a-cc-vip', false)], ['b-cx-default', 'c-cc-x']);
  assert.deepEqual([changed(items, 'c-cc-x', true).size, changed(items, 'x', false).size], [3, 3]);
  assert.deepEqual([...keepKnown(items, ['a-cc-vip'])], ['a-cc-vip']);
  assert.equal(keepKnown(items, []), items);
  for (const bad of [null, '', 'x', '{}', '{"version":2,"items":["a"]}', '[]', 'null']) assert.equal(parseFavorites(bad).size, 0);
  assert.equal(favoriteId(row({ provider: ' Acme ', channel: '' })), 'acme-cc-default');
});

test('worst: red, yellow, green, missing; unknown is missing', () => {
  assert.deepEqual([worst(-1, 1), worst(1, 2), worst(2, 0), worst(0, 1)], [1, 2, 0, 0]);
  assert.deepEqual([statusOf(0), statusOf(1), statusOf(2), statusOf(3), statusOf('1'), statusOf(null)], [0, 1, 2, -1, -1, -1]);
});

test('time filters: local to UTC and back, widened only where the zone needs it', () => {
  assert.deepEqual(utcFilter('09:00-18:00', 480), { utc: '01:00-10:00', rounded: false });
  assert.deepEqual(utcFilter('00:00-06:00', 480), { utc: '16:00-22:00', rounded: false });
  assert.deepEqual(utcFilter('18:00-24:00', 0), { utc: '18:00-24:00', rounded: false });
  assert.deepEqual(utcFilter('09:00-18:00', 330), { utc: '03:30-12:30', rounded: false });
  assert.deepEqual(utcFilter('09:00-18:00', 345), { utc: '03:00-12:30', rounded: true });
  assert.equal(localFilter('01:00-10:00', 480), '09:00-18:00');
  assert.equal(localFilter('16:00-24:00', -480), '08:00-16:00');
});

test('translations fill in values, choose plurals, and show the key when they must', () => {
  const t = translator('ru', { hi: 'Привет, {name} {name}', 'n.one': '{count} канал', 'n.few': '{count} канала', 'n.many': '{count} каналов', 'n.other': '?' });
  assert.equal(t('hi', { name: '{x}$&' }), 'Привет, {x}$& {x}$&');
  assert.deepEqual([1, 3, 5, 21].map((count) => t('n', { count })), ['1 канал', '3 канала', '5 каналов', '21 канал']);
  assert.equal(t('missing.key'), 'missing.key');
});

test('configured texts: plain, by language, by its first part, English, anything, nothing', () => {
  assert.equal(localized('x', 'ru'), 'x');
  assert.equal(localized({ ru: 'р', en: 'e' }, 'ru'), 'р');
  assert.equal(localized({ zh: '中' }, 'zh-CN'), '中');
  assert.equal(localized({ en: 'e', ja: 'j' }, 'ru'), 'e');
  assert.equal(localized({ ja: 'j' }, 'ru'), 'j');
  for (const odd of [null, 5, {}, { en: 5 }]) assert.equal(localized(odd, 'en'), '');
});

test('the address of a query leaves defaults out', () => {
  const query = { period: '90m', board: 'hot', timeFilter: '', align: true, provider: '' };
  assert.equal(statusUrl(query), '/api/status?period=90m&view=compact');
  assert.equal(statusUrl({ ...query, period: '24h', board: 'cold', provider: 'a&b' }), '/api/status?period=24h&view=compact&board=cold&align=hour&provider=a%26b');
});
