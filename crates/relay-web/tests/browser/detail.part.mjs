/** One channel in detail, the page about the method, and the pages beside the main one. */

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { ROW, accessible, asks, fits, open, picture, texts, visit, world } from './support/world.mjs';
import { artifact, until } from './support/machine.mjs';

visit('a click on a row opens its detail, and back closes it', {}, async (page) => {
  await open(page, `${world.demo}/en/?period=24h&service=cc`);
  await page.locator('td.c-latency').first().click();
  const dialog = page.locator('dialog[open]');
  await dialog.waitFor();
  await asks(page, /detail=northwind\/cc\/vip/);
  await page.locator('.chart svg').nth(1).waitFor();
  await page.locator('.records tbody tr').first().waitFor();
  assert.equal(await page.locator('.chart svg').count(), 2);
  assert.match(String(await page.locator('path.p50').getAttribute('d')), /^M/);
  assert.match(String(await page.locator('path.band').getAttribute('d')), /Z$/);
  const text = await dialog.innerText();
  for (const word of ['Availability', 'Median', '95th percentile', 'First token', 'Endpoint', 'Waiting for the answer', 'Last probes',
    'Global partner', 'Category', 'Listed', 'Sponsor']) {
    assert.ok(text.includes(word), word);
  }
  await picture(page, 'detail-1440-light');
  await accessible(page);
  await page.goBack();
  await until('closed', async () => (await dialog.count()) === 0);
  await asks(page, '?period=24h&service=cc');
});

visit('a detail has an address, models and periods to choose from, and older records', {}, async (page) => {
  await open(page, `${world.demo}/en/?detail=northwind/cc/vip`);
  await page.locator('.chart svg').first().waitFor();
  const records = page.locator('.records tbody tr');
  await records.first().waitFor();
  const before = await records.count();
  await page.locator('.more').click();
  await until('older records', async () => (await records.count()) > before);
  const asked = page.waitForRequest((request) => /api\/timeline.*model=claude-haiku-4-5/.test(request.url()));
  await page.locator('dialog label', { hasText: 'claude-haiku-4-5' }).click();
  await asked;
  await asks(page, /model=claude-haiku-4-5/);
  const longer = page.waitForRequest(/api\/timeline.*period=30d/);
  await page.locator('dialog label', { hasText: '30 d' }).click();
  await longer;
  await until('the month', async () => (await page.locator('dialog .chart').first().getAttribute('aria-valuemax')) === '29');
  await picture(page, 'detail-models-1440-light');
  await page.locator('.facts').evaluate((node) => node.scrollIntoView());
  await picture(page, 'detail-end-1440-light');
  const chart = page.locator('dialog .chart').first();
  await chart.focus();
  const said = await chart.getAttribute('aria-valuetext');
  await page.keyboard.press('Home');
  await until('the first day', async () => (await chart.getAttribute('aria-valuetext')) !== said);
  await page.locator('.chart-time', { hasText: /\d/ }).first().waitFor();
  await page.keyboard.press('Escape');
  await asks(page, '?period=30d');
});

visit('the detail fits a phone', { width: 360, height: 740, touch: true, scheme: 'dark' }, async (page) => {
  await open(page, `${world.demo}/en/?period=24h&detail=bluejay/cc/standard`);
  await page.locator('.records').waitFor();
  await page.locator('.chart svg').nth(1).waitFor();
  await fits(page);
  const [inner, outer] = await page.locator('.dialog-body').evaluate((node) => [node.scrollWidth, node.clientWidth]);
  assert.ok(inner <= outer, `${inner} > ${outer}`);
  await accessible(page);
  await picture(page, 'detail-360-dark');
});

visit('a detail of something that is not listed says so', {}, async (page) => {
  await open(page, `${world.demo}/en/?detail=no/such/channel`);
  await page.locator('dialog[open]', { hasText: 'not listed' }).waitFor();
  await page.locator('dialog button').click();
  await asks(page, '');
});

visit('the reasons of failures are told', {}, async (page) => {
  await open(page, `${world.demo}/en/?detail=ironbark/chat/team`);
  await page.locator('.records tbody tr .state.red').first().waitFor();
  assert.ok((await texts(page, '.why')).some((text) => text.length > 5));
});

visit('the method is explained, at an address of its own', {}, async (page) => {
  await open(page, `${world.demo}/en/`);
  await page.locator('.footer a', { hasText: 'Method in detail' }).click();
  const dialog = page.locator('dialog[open]');
  await dialog.waitFor();
  assert.match(await dialog.innerText(), /What the dots mean[^]*Availability[^]*Latency/);
  await picture(page, 'method-1440-light');
  await accessible(page);
  await page.keyboard.press('Escape');
  await until('closed', async () => (await dialog.count()) === 0);
  await until('no fragment', async () => (await page.evaluate(() => location.hash)) === '');
});

visit('a provider page shows that provider only and says so to machines', {}, async (page) => {
  await open(page, `${world.demo}/en/p/northwind`);
  assert.deepEqual(new Set(await texts(page, `${ROW} .provider`)), new Set(['Northwind AI']));
  assert.equal(await page.locator('h1').innerText(), 'Northwind AI');
  assert.match(await page.title(), /^Northwind AI status/);
  const data = JSON.parse(String(await page.locator('script[type="application/ld+json"]').textContent()));
  assert.equal(data.about.name, 'Northwind AI');
  assert.match(String(await page.locator('link[rel="canonical"]').getAttribute('href')), /\/en\/p\/northwind$/);
  assert.equal(await page.locator('tr.pinned').count(), 0);
  await accessible(page);
  await picture(page, 'provider-1440-light');
});

visit('a provider page can be embedded elsewhere without header and footer, the main page cannot', {
  expected: [/frame-ancestors|X-Frame-Options|Refused to (display|frame)/i],
}, async (page) => {
  const frames = createServer((request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/html' });
    response.end(`<iframe width=1000 height=600 src="${world.demo}/en${request.url}"></iframe>`);
  });
  await new Promise((resolve) => frames.listen(0, '127.0.0.1', () => resolve(undefined)));
  const { port } = /** @type {import('node:net').AddressInfo} */ (frames.address());
  try {
    await page.goto(`http://127.0.0.1:${port}/p/northwind?embed=1`);
    const inside = page.frameLocator('iframe');
    await inside.locator(ROW).first().waitFor();
    assert.equal(await inside.locator('header.header, footer').count(), 0);
    assert.equal(await inside.locator('a.provider').count(), 0, 'a page does not lead to itself');
    await page.goto(`http://127.0.0.1:${port}/`);
    await until('refused', async () => page.frames().some((frame) => frame.url().startsWith('chrome-error')));
  } finally {
    frames.closeAllConnections();
    frames.close();
  }
});

visit('whoever wants pages for frames gets them behind the names of providers too', {}, async (page) => {
  await open(page, `${world.demo}/en/?embed=1`);
  await page.locator('a.provider').first().click();
  await page.waitForURL(/\/en\/p\/[^?]+\?embed=1$/);
  await page.locator(ROW).first().waitFor();
  assert.equal(await page.locator('header.header, footer, a.provider').count(), 0);
});

visit('an unknown provider is a page that leads back', { expected: [/404/] }, async (page) => {
  const response = await page.goto(`${world.demo}/en/p/nobody`);
  assert.equal(response?.status(), 404);
  assert.equal(await page.locator('meta[name="robots"]').getAttribute('content'), 'noindex');
  await page.locator('.notice').waitFor();
  await picture(page, 'state-unknown-provider-1440');
  await accessible(page);
  await page.locator('.notice a').click();
  await page.locator(ROW).first().waitFor();
});

visit('a picture for a notification is dark, 1,200 pixels wide, without controls, and says when it is done', { width: 1200, height: 400 }, async (page) => {
  await page.goto(`${world.demo}/?provider=northwind,ironbark&service=cc&period=90m&screenshot=1&title=Ironbark%20%26%20more`);
  await page.locator('body[data-ready="true"]').waitFor();
  assert.equal(await page.locator('html').getAttribute('data-theme'), 'dark');
  assert.equal(await page.locator('h1').innerText(), 'Ironbark & more');
  assert.equal(await page.locator(ROW).count(), 2);
  assert.equal(await page.locator('.toolbar, .header, .footer, select, input, th button').count(), 0);
  assert.equal(await page.evaluate(() => document.body.getBoundingClientRect().width), 1200);
  const drawn = await page.locator('canvas').first().evaluate((/** @type {HTMLCanvasElement} */ canvas) =>
    canvas.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height).data.some((value) => value > 0));
  assert.ok(drawn);
  await fits(page);
  await page.screenshot({ path: artifact('picture.png'), fullPage: true });
});

visit('a picture of nothing offers nothing to press', { width: 1200, height: 500 }, async (page) => {
  await page.goto(`${world.demo}/?provider=nobody&screenshot=1&title=Nothing`);
  await page.locator('body[data-ready="true"]').waitFor();
  assert.equal(await page.locator('button, a, input').count(), 0);
  const [head, notice] = await Promise.all(['.picture-head', '.notice'].map((name) => page.locator(name).boundingBox()));
  assert.ok(head && notice && notice.y - head.y - head.height >= 8, JSON.stringify([head, notice]));
  await picture(page, 'picture-empty');
});

visit('a picture of an outage of the API says that it failed', { expected: [/503/] }, async (page) => {
  await page.route('**/api/status*', (route) => route.fulfill({ status: 503, body: '{}' }));
  await page.goto(`${world.demo}/?screenshot=1`);
  await page.locator('body[data-error="status 503"]').waitFor();
  assert.equal(await page.locator('body[data-ready]').count(), 0);
});
