import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freshnessOf, pauseAfter, pauseAfterLoss, pauseBeforeCatchUp } from '../../assets/js/logic/freshness.js';

const of = (/** @type {Record<string, string>} */ headers, end = NaN, sent = 1000) => freshnessOf(new Headers(headers), end, sent);
const [least, most] = [() => 0, () => 0.999];

test('an answer is as old as the older of its header and its content says', () => {
  assert.deepEqual(of({}), { age: 0, behind: false, keep: 0 });
  assert.deepEqual(of({ age: '59', 'cache-control': 'public, max-age=10, s-maxage=20' }), { age: 59, behind: false, keep: 10 });
  assert.equal(of({}, 985).age, 15);
  assert.equal(of({ age: '20' }, 985).age, 20);
  // A window that is cut at full days ends in the future.
  assert.equal(of({}, 80_000).age, 0);
  for (const age of ['-5', 'x', '', 'Infinity']) assert.equal(of({ age }).age, 0, age);
  assert.equal(of({ 'cache-control': 's-maxage=20' }).keep, 0);
});

test('a warning or a great age says that nothing newer was to be had', () => {
  for (const warning of ['110 - "Response is Stale"', '111 - "Revalidation Failed"', '199 x "y", 112 - "Disconnected"']) {
    assert.equal(of({ warning }).behind, true, warning);
  }
  assert.equal(of({ warning: '214 - "Transformation Applied"' }).behind, false);
  assert.equal(of({ age: '119' }).behind, false);
  assert.equal(of({ age: '3600' }).behind, true);
});

test('a server that is away is asked more often than one that is well, by each reader at another moment', () => {
  assert.equal(pauseAfter(true, most), pauseAfter(true, least));
  assert.ok(pauseAfter(false, most) < pauseAfter(true, least) / 2);
  for (const pause of [(/** @type {() => number} */ random) => pauseAfter(false, random), pauseAfterLoss]) {
    assert.ok(pause(most) - pause(least) > 2000 && pause(least) >= 4000);
  }
});

test('what happened between an answer and its stream is asked for once it can be had', () => {
  const wait = (/** @type {number} */ made, /** @type {number} */ keep, random = least) =>
    pauseBeforeCatchUp({ made, keep }, 100_000, 101_000, random);
  assert.equal(wait(100_000, 10), null);
  assert.equal(wait(98_500, 10), null, 'whole seconds cannot say more');
  assert.equal(wait(95_000, 10), 4000, 'until then the same answer is given');
  assert.equal(wait(80_000, 10), 0);
  assert.equal(wait(-Infinity, 0), 0);
  assert.ok(Number(wait(80_000, 10, most)) > 2000);
});
