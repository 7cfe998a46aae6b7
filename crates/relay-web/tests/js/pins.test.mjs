import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pinned } from '../../assets/js/logic/pins.js';
import { row } from './build.mjs';

const RULES = { enabled: true, most: 3, perProvider: 3, minUptime: 95, minLevel: 'basic' };
let made = 0;
/** @param {string} provider @param {string} level @param {object} [own] */
const sponsor = (provider, level, own) => row({ provider, sponsorLevel: level, service: `s${(made += 1)}`, ...own });
/** @param {readonly any[]} rows @param {object} [own] */
const names = (rows, own) => pinned(rows, { ...RULES, ...own }).map(({ provider }) => provider);

test('level comes first, then availability, then latency', () => {
  const rows = [
    sponsor('basic', 'basic'), sponsor('slow', 'advanced', { latency: 900 }), sponsor('fast', 'advanced', { latency: 90 }),
    sponsor('less', 'advanced', { availability: 99 }), sponsor('top', 'enterprise', { availability: 96 }),
  ];
  assert.deepEqual(names(rows, { most: 5 }), ['top', 'fast', 'slow', 'less', 'basic']);
  assert.deepEqual(names(rows), ['top', 'fast', 'slow']);
});

test('only sponsors without risks that are available enough', () => {
  const rows = [
    sponsor('none', ''), sponsor('odd', 'platinum'), sponsor('down', 'enterprise', { availability: 94.99 }),
    sponsor('empty', 'enterprise', { availability: -1 }), sponsor('risky', 'enterprise', { risks: [{ label: 'x', url: '' }] }),
    sponsor('edge', 'basic', { availability: 95 }), sponsor('small', 'basic'),
  ];
  assert.deepEqual(names(rows), ['small', 'edge']);
  assert.deepEqual(names(rows, { minLevel: 'advanced' }), []);
  assert.deepEqual(names(rows, { enabled: false }), []);
});

test('the quota follows the highest level of the provider, one for each service', () => {
  const five = (/** @type {string} */ level) => Array.from({ length: 5 }, () => sponsor(level, level));
  const all = [...five('enterprise'), ...five('advanced'), ...five('basic')];
  assert.deepEqual(names(all, { most: 99 }), ['enterprise', 'enterprise', 'enterprise', 'advanced', 'advanced', 'basic']);
  assert.deepEqual(names(all, { most: 99, perProvider: 1 }), ['enterprise', 'advanced', 'basic']);
  const mixed = [sponsor('a', 'basic'), sponsor('A', 'enterprise'), sponsor('a', 'basic')];
  assert.deepEqual(names(mixed), ['A', 'a', 'a']);
  const twins = [sponsor('a', 'enterprise', { service: 'cc', channel: 'x' }), sponsor('a', 'enterprise', { service: 'CC', channel: 'y' })];
  assert.equal(names(twins).length, 1);
});
