import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatPrice, formatters, safeUrl } from '../../assets/js/logic/format.js';

const { availability, latency, interval, range, clock } = formatters('en', 'UTC');

test('availability never rounds up to 100 percent', () => {
  for (const [value, text] of /** @type {const} */ ([
    [100, '100%'], [99.996, '99.99%'], [98.6111, '98.61%'], [0, '0.00%'], [-1, '–'], [NaN, '–'], [70.29, '70.29%'],
  ])) assert.equal(availability(value), text);
});

test('latency is in milliseconds up to a second', () => {
  for (const [ms, text] of /** @type {const} */ ([
    [0, '–'], [-5, '–'], [1, '1 ms'], [999, '999 ms'], [1000, '1.00 s'], [1234, '1.23 s'], [9994, '9.99 s'], [9995, '10.0 s'], [12345, '12.3 s'],
  ])) assert.equal(latency(ms), text);
});

test('units and intervals follow the language', () => {
  const ru = formatters('ru', 'UTC');
  assert.deepEqual([ru.latency(1500), ru.latency(20)], ['1,50 с', '20 мс']);
  assert.deepEqual([interval(60_000), interval(90_000), interval(300_000)], ['1 min', '90 sec', '5 min']);
});

test('prices: one number, middle and range, open ends', () => {
  for (const [low, high, text] of /** @type {const} */ ([
    [null, null, ''], [0.2, 0.2, '0.2'], [0.05, 0.2, '0.125 / 0.05~0.2'], [0.05, null, '0.05~'], [null, 0.2, '≤0.2'],
    [1, 1, '1'], [0.12345, 0.12345, '0.123'], [0, 0, '0'],
  ])) assert.equal(formatPrice(low, high), text);
});

test('times: a moment, within a day, over days, nonsense', () => {
  const at = Date.UTC(2026, 2, 1, 12, 34, 56) / 1000;
  assert.equal(clock(at), '12:34');
  assert.equal(range(at, at), 'Mar 1, 12:34:56');
  assert.equal(range(at, at + 3600), 'Mar 1, 12:34 – 13:34');
  assert.equal(range(at, at + 86_400), 'Mar 1, 12:34 – Mar 2, 12:34');
  assert.equal(clock(1e20), '–');
});

test('only http and https may be linked to', () => {
  assert.equal(safeUrl('https://a.example/x?y'), 'https://a.example/x?y');
  for (const bad of ['javascript:alert(1)', 'data:text/html,x', '//a.example', 'a', '', ' javascript:alert(1)']) {
    assert.equal(safeUrl(bad), '');
  }
});
