/** What happens while the page is open: live records, boards, failures, streams. */

import assert from 'node:assert/strict';
import { ROW, accessible, asks, open, picture, texts, visit, world } from './support/world.mjs';
import { until } from './support/machine.mjs';
import { answer } from './support/stub.mjs';

visit('a probe that turns red shows at once, in its row, without loading anything again', {}, async (page) => {
  await open(page, `${world.site}/en/`);
  const row = page.locator(ROW, { hasText: 'beta' });
  await row.locator('.state.green').waitFor();
  await page.locator('.freshness .check[title*="Live"]').waitFor();
  await row.evaluate((node) => { node.dataset.kept = 'true'; });
  let loads = 0;
  page.on('request', (request) => { if (request.url().includes('/api/status')) loads += 1; });
  world.relay.set('beta', 'down');
  await row.locator('.state.red').waitFor();
  assert.equal(loads, 0);
  assert.equal(await row.evaluate((node) => node.dataset.kept), 'true', 'the row was not drawn anew');
  await page.locator('.summary-words', { hasText: '1 channel is unavailable' }).waitFor();
  const strip = row.locator('.strip');
  await until('the strip says so', async () => /Unavailable/.test(String(await strip.getAttribute('aria-valuetext'))));
  await row.locator('td.c-latency').click();
  await page.locator('.why', { hasText: 'Server error · HTTP 503' }).first().waitFor();
  await page.keyboard.press('Escape');
  world.relay.set('beta', 'good');
  await row.locator('.state.green').waitFor();
});

visit('badges, prices and the notes of the operator are shown as configured', {}, async (page) => {
  await open(page, `${world.site}/en/`);
  const alpha = page.locator(ROW, { hasText: 'alpha' });
  assert.equal(await alpha.locator('.c-price').innerText(), '0.125 / 0.05~0.2');
  const marks = (/** @type {import('playwright-core').Locator} */ row) =>
    row.locator('.mark').evaluateAll((nodes) => nodes.map((node) => String(node.getAttribute('aria-label'))));
  assert.ok((await marks(alpha)).some((label) => label.startsWith('Global partner')));
  assert.ok((await marks(alpha)).includes('Fast'));
  assert.ok((await marks(alpha)).includes('Probed every 1 sec'));
  const gamma = await marks(page.locator(ROW, { hasText: 'gamma' }));
  assert.ok(gamma.some((label) => label.includes('Unclear origin') && label.includes('another site')));
  assert.ok((await marks(page.locator(ROW, { hasText: 'beta' }))).includes('Public service, free to use'));
  // A risk is never pinned, whatever its sponsor pays.
  assert.deepEqual(await texts(page, 'tr.pinned .provider'), ['alpha']);
  assert.equal(await page.locator('.footer-note').innerText(), 'A note <b>of</b> ours');
  assert.match(String(await page.locator('.header a.control').getAttribute('href')), /\/subscribe$/);
  assert.match(await page.title(), /Test Site/);
});

visit('the retired board says what it is and never refreshes by itself', {}, async (page) => {
  await open(page, `${world.site}/en/`);
  assert.deepEqual((await texts(page, `${ROW} .provider`)).includes('old'), false);
  await page.locator('.board label', { hasText: 'Retired' }).click();
  await page.locator(ROW, { hasText: 'old' }).waitFor();
  await asks(page, '?board=cold');
  await page.locator('.banner', { hasText: 'no longer probed' }).waitFor();
  assert.equal(await page.locator('.freshness input').count(), 0, 'nothing to switch');
  await picture(page, 'board-cold-1440');
  await page.locator(ROW, { hasText: 'old' }).locator('.channel').click();
  await page.locator('dialog[open]', { hasText: 'closed down' }).waitFor();
});

visit('a site without boards shows the active one whatever the address says', {}, async (page) => {
  await open(page, `${world.demo}/en/?board=cold`);
  await asks(page, '');
  await until('all rows', async () => (await page.locator(ROW).count()) === 25);
});

visit('an outage of the API says what to do, and trying again works', { expected: [/503/, /ERR_FAILED/] }, async (page) => {
  await page.route('**/api/status*', (route) => route.fulfill({ status: 503, body: '{"error":"x"}' }));
  await page.goto(`${world.demo}/en/`);
  const notice = page.locator('.notice');
  await notice.waitFor();
  assert.match(await notice.innerText(), /could not be loaded[^]*HTTP 503/);
  await accessible(page);
  await picture(page, 'state-error-1440');
  await page.unroute('**/api/status*');
  await notice.locator('button').click();
  await page.locator(ROW).first().waitFor();
  await page.route('**/api/status*', (route) => route.abort());
  const refresh = page.locator('button[aria-label="Refresh now"]');
  // The button may be free again before the driver looks.
  await refresh.evaluate((button) => {
    new MutationObserver(() => {
      if (button.matches(':disabled')) document.body.dataset.cooled = 'true';
    }).observe(button, { attributes: true });
  });
  await refresh.click();
  await page.locator('body[data-cooled]').waitFor();
  await page.locator('.banner.warn', { hasText: 'no connection' }).waitFor();
  await picture(page, 'state-stale-1440');
  assert.equal(await page.locator(ROW).count(), 25);
});

visit('without a connection the page says so, and goes on when it is back', { expected: [/ERR_INTERNET_DISCONNECTED/] }, async (page) => {
  await open(page, `${world.demo}/en/`);
  await page.context().setOffline(true);
  await page.locator('.banner.warn', { hasText: 'offline' }).waitFor();
  await picture(page, 'state-offline-1440');
  await page.context().setOffline(false);
  await until('no banner', async () => (await page.locator('.banner.warn').count()) === 0);
});

/** @param {import('./support/world.mjs').Page} page @param {boolean} hidden */
async function hide(page, hidden) {
  await page.evaluate((/** @type {boolean} */ value) => {
    Object.defineProperty(document, 'hidden', { configurable: true, get: () => value });
    document.dispatchEvent(new Event('visibilitychange'));
  }, hidden);
}

const MONITOR = { provider: 'Acme', provider_slug: 'acme', service: 'cc', channel: 'vip', category: 'commercial', interval_ms: 60_000, slow_latency_ms: 5000,
  probe_url: 'https://relay.example.org/', availability: 100 };
/** @param {number} status @param {number} timestamp */
const monitor = (status, timestamp) => ({ ...MONITOR, current_status: { status, latency: 100, timestamp }, timeline: [[timestamp, status, 100, 100, [0, 1]]] });
/** @param {number} status @param {number} timestamp */
const acme = (status, timestamp) => answer([monitor(status, timestamp), { ...monitor(1, 1000), provider: 'Beacon', provider_slug: 'beacon' }]);

visit('the stream is followed while the page is seen, resumed after a break, and missed by nobody when refused', {
  expected: [/429/, /ERR_INCOMPLETE_CHUNKED_ENCODING|ERR_CONNECTION/],
}, async (page) => {
  const stub = await world.stub();
  const now = Math.floor(Date.now() / 1000);
  let status = 1;
  let at = now - 60;
  stub.api.status = () => acme(status, at);
  await open(page, `${stub.origin}/en/`);
  await until('a stream', () => stub.streams() === 1);
  const state = (/** @type {string} */ color, provider = 'Acme') => page.locator(ROW, { hasText: provider }).locator(`.state.${color}`);
  const news = (/** @type {number} */ color, /** @type {number} */ timestamp, provider = 'Acme') =>
    stub.tell('record', { provider, service: 'cc', channel: 'vip', model: '', status: color, latency: 77, timestamp });
  news(0, now);
  await state('red').waitFor();
  news(1, now - 30);
  stub.tell('record', { nonsense: true });
  stub.tell('record', { provider: 'Nobody', service: 'x', channel: 'y', model: '', status: 0, latency: 1, timestamp: now });
  // Records are put in as they come: once this one is seen, those before it were.
  news(2, now, 'Beacon');
  await state('yellow', 'Beacon').waitFor();
  assert.equal(await state('red').count(), 1, 'an older record changes nothing');
  // An answer from a cache that is older than the news does not bring green back.
  const again = page.waitForResponse(/api\/status/);
  await page.locator('button[aria-label="Refresh now"]').click();
  await again;
  await page.locator('button.busy').waitFor({ state: 'detached' });
  assert.equal(await state('red').count(), 1, 'an older answer changes nothing');
  await hide(page, true);
  await until('no stream', () => stub.streams() === 0);
  await hide(page, false);
  await until('a stream again', () => stub.streams() === 1);
  stub.cut();
  await until('a stream after the break', () => stub.streams() === 1);
  news(2, now + 1);
  await state('yellow').waitFor();
  stub.api.refuseStream = true;
  [status, at] = [1, now + 2];
  await page.reload();
  await state('green').waitFor();
  await until('no stream', () => stub.streams() === 0);
});

visit('what the server could not renew is shown as old as it is', {}, async (page) => {
  await page.clock.install();
  const stub = await world.stub();
  const now = Math.floor(Date.now() / 1000);
  stub.api.status = () => acme(1, now - 240);
  stub.api.headers = { Age: '180', Warning: '111 - "Revalidation Failed"' };
  await open(page, `${stub.origin}/en/`);
  const notice = page.locator('.banner.warn');
  await notice.waitFor();
  /** @param {string} text Seconds since midnight, UTC as the page is. */
  const seconds = (text) => {
    const [hour, minute, second] = (/(\d\d):(\d\d):(\d\d)/.exec(text) ?? []).slice(1).map(Number);
    return hour * 3600 + minute * 60 + second;
  };
  const off = async (/** @type {string} */ selector) => {
    const told = seconds(await page.locator(selector).innerText());
    return ((now - 180 - told + 43_200 + 86_400) % 86_400) - 43_200;
  };
  assert.match(await notice.innerText(), /nothing newer[^]*measurements of .*\(90 min\)/);
  for (const selector of ['.banner.warn', '.updated']) assert.ok(Math.abs(await off(selector)) < 30, selector);
  assert.doesNotMatch(await page.locator('.axis').innerText(), /now/);
  // A record does not make the rest new, but is a reason to ask again soon.
  stub.api.headers = {};
  stub.tell('record', { provider: 'Acme', service: 'cc', channel: 'vip', model: '', status: 1, latency: 77, timestamp: now });
  await page.locator('.c-latency', { hasText: '77' }).waitFor();
  await page.clock.fastForward(10_000);
  await notice.waitFor({ state: 'detached' });
  assert.match(await page.locator('.axis').innerText(), /now/);
});

visit('a period that could not be loaded is not what the notice names, in any language', { expected: [/503/] }, async (page) => {
  for (const [path, shown] of [['/en/', '(90 min)'], ['/', '（90 分钟）'], ['/ja/', '（90 分）'], ['/ru/', '(90 мин)']]) {
    await open(page, `${world.demo}${path}`);
    await page.route('**/api/status*', (route) => route.fulfill({ status: 503, body: '{}' }));
    await page.locator('input[name="period"][value="90d"]').evaluate((/** @type {HTMLElement} */ input) => input.click());
    const notice = page.locator('.banner.warn');
    await notice.waitFor();
    await asks(page, '?period=90d');
    assert.ok((await notice.innerText()).includes(shown), await notice.innerText());
    await page.unroute('**/api/status*');
  }
});

visit('a stream that opens later than its answer is caught up with, one that does not is left alone', {}, async (page) => {
  await page.clock.install();
  const stub = await world.stub();
  let loads = 0;
  const now = Math.floor(Date.now() / 1000);
  let at = now - 300;
  stub.api.status = () => {
    loads += 1;
    return acme(1, at);
  };
  await open(page, `${stub.origin}/en/`);
  await until('a stream', () => stub.streams() === 1);
  await page.clock.fastForward(30_000);
  // The tick that would have loaded has come when another timer set after it has.
  await page.evaluate(() => new Promise((resolve) => { setTimeout(resolve, 1500); }));
  assert.equal(loads, 1, 'the answer was new');
  // From a cache: made before the stream was opened, and given again for ten seconds after it was made.
  stub.api.headers = { Age: '15', 'Cache-Control': 'public, max-age=10' };
  loads = 0;
  await page.reload();
  await page.locator('.state.green').first().waitFor();
  await until('a stream again', () => stub.streams() === 1);
  assert.equal(loads, 1);
  stub.api.headers = {};
  at = now;
  await page.clock.fastForward(5_000);
  await until('a second load', () => loads === 2);
  const strip = page.locator(ROW, { hasText: 'Acme' }).locator('.strip');
  await until('it is there', async () => !/No data/.test(String(await strip.getAttribute('aria-valuetext'))));
});

visit('a server that goes is missed soon, and one that is back is seen soon', {
  expected: [/ERR_EMPTY_RESPONSE|ERR_INCOMPLETE_CHUNKED_ENCODING|ERR_CONNECTION/],
}, async (page) => {
  await page.clock.install();
  const stub = await world.stub();
  stub.api.status = () => acme(1, 1000);
  await open(page, `${stub.origin}/en/`);
  await until('a stream', () => stub.streams() === 1);
  stub.api.away = true;
  stub.cut();
  await page.locator('.freshness .check:not([title*="Live"])').waitFor();
  await page.clock.fastForward(8_000);
  const notice = page.locator('.banner.warn', { hasText: 'no connection' });
  await notice.waitFor();
  stub.api.away = false;
  await until('a stream again', () => stub.streams() === 1);
  await page.locator('.freshness .check[title*="Live"]').waitFor();
  await page.clock.fastForward(4_000);
  await notice.waitFor({ state: 'detached' });
});

visit('the keyboard stays at its monitor when the order changes, whatever the browser does with what moves', {}, async (page) => {
  await page.addInitScript(() => {
    if (location.search.includes('old=1')) Reflect.deleteProperty(Element.prototype, 'moveBefore');
  });
  const stub = await world.stub();
  const rows = (/** @type {readonly number[]} */ latencies) => answer(latencies.map((latency, index) =>
    ({ ...monitor(1, 1000), provider: `P${index}`, current_status: { status: 1, latency, timestamp: 1000 } })));
  for (const look of ['table&old=1', 'table', 'grid']) {
    stub.api.status = () => rows([100, 200, 300, 400]);
    await open(page, `${stub.origin}/en/?sort=latency_asc&view=${look}`);
    const names = () => texts(page, '.provider');
    assert.deepEqual(await names(), ['P0', 'P1', 'P2', 'P3']);
    const at = () => page.evaluate(() => `${document.activeElement?.closest('tr, li')?.querySelector('.provider')?.textContent} ${document.activeElement?.className}`);
    await page.locator('.channel').nth(1).focus();
    stub.api.status = () => rows([100, 900, 300, 400]);
    // By script: a click would take the focus.
    await page.locator('button[aria-label="Refresh now"]').evaluate((/** @type {HTMLElement} */ button) => button.click());
    await until('another order', async () => (await names()).join(' ') === 'P0 P2 P3 P1');
    assert.equal(await at(), 'P1 channel', look);
  }
});

visit('without automatic refresh nothing moves, and that is remembered', {}, async (page) => {
  const stub = await world.stub();
  stub.api.status = () => acme(1, 1000);
  await open(page, `${stub.origin}/en/`);
  await until('a stream', () => stub.streams() === 1);
  await page.locator('.freshness .check').click();
  await until('no stream', () => stub.streams() === 0);
  await page.reload();
  await page.locator(ROW).first().waitFor();
  assert.equal(await page.locator('.freshness input').isChecked(), false);
  assert.equal(stub.streams(), 0);
});
