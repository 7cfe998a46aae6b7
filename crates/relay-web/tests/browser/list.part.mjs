/** The list of monitors: sorting, filtering, pins, tooltips, languages, themes, keyboard. */

import assert from 'node:assert/strict';
import { ROW, accessible, asks, fits, open, picture, texts, visit, world } from './support/world.mjs';
import { until } from './support/machine.mjs';

visit('the page shows every monitor and what is wrong at a glance', {}, async (page) => {
  await open(page, `${world.demo}/en/`);
  assert.equal(await page.locator(ROW).count(), 25);
  assert.match(await page.title(), /Relay Pulse/);
  assert.match(await page.locator('.summary-words').innerText(), /channels? (is|are) unavailable|available/);
  assert.ok((await page.locator('.demo').innerText()).includes('simulated'));
  await page.locator('.footer', { hasText: /What the dots mean[^]*Disclaimer[^]*Version \d/ }).waitFor();
  const link = page.locator('a[rel~="nofollow"]').first();
  assert.equal(await link.getAttribute('target'), '_blank');
  assert.match(String(await link.getAttribute('rel')), /noopener/);
  await accessible(page);
});

visit('on a phone a table scrolls in its box, the page does not', { width: 390, height: 844 }, async (page) => {
  await open(page, `${world.demo}/en/?view=table`);
  await fits(page);
  const [inner, outer] = await page.locator('.table-box').evaluate((box) => [box.scrollWidth, box.clientWidth]);
  assert.ok(inner > outer, `${inner} pixels in a box of ${outer}`);
});

visit('a long title leaves the header one line on a tablet', { width: 820, height: 1180 }, async (page) => {
  await page.route('**/en/', async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, body: (await response.text()).replace(/data-title="[^"]*"/, `data-title="${'A very long title '.repeat(9)}"`) });
  });
  await open(page, `${world.demo}/en/`);
  const tops = await page.locator('.header > :not(.grow)').evaluateAll((parts) => parts.map((part) => {
    const { top, height } = part.getBoundingClientRect();
    return Math.round(top + height / 2);
  }));
  assert.ok(tops.length > 3 && Math.max(...tops) - Math.min(...tops) <= 1, tops.join());
  await fits(page);
});

visit('without scripts the page says at its top what it needs', { scripts: false }, async (page) => {
  await page.goto(`${world.demo}/en/`);
  const words = page.locator('.noscript');
  assert.match(await words.innerText(), /needs JavaScript/);
  assert.ok(Number((await words.boundingBox())?.y) < 100);
  assert.equal(await page.locator('.boot').isVisible(), false, 'nothing looks as if it were loading');
});

/** @param {string} text */
const percent = (text) => (text === '–' ? -1 : Number.parseFloat(text));

visit('a click on a head sorts, descending first', {}, async (page) => {
  await open(page, `${world.demo}/en/?period=7d`);
  await page.locator('th.c-availability button').click();
  await until('no pins', async () => (await page.locator('tr.pinned').count()) === 0);
  assert.equal(await page.locator('th.c-availability').getAttribute('aria-sort'), 'descending');
  let values = (await texts(page, 'td.c-availability')).map(percent);
  assert.deepEqual(values, [...values].sort((a, b) => b - a));
  await page.locator('th.c-availability button').click();
  await page.locator('th.c-availability[aria-sort="ascending"]').waitFor();
  await asks(page, '?period=7d&sort=uptime_asc');
  values = (await texts(page, 'td.c-availability')).map(percent);
  assert.deepEqual(values, [...values].sort((a, b) => a - b));
  await page.locator('th.c-provider button').first().click();
  await page.locator('th.c-provider[aria-sort="descending"]').waitFor();
  const names = await texts(page, '.c-provider .provider');
  assert.deepEqual(names, [...names].sort((a, b) => b.localeCompare(a)));
  await page.locator('.badge-sort').click();
  await asks(page, '?period=7d&sort=badgeScore_desc');
  await page.locator(ROW).first().locator('.mark.level-enterprise').waitFor();
});

visit('sponsors are pinned until another order is asked for, and again after a reload', {}, async (page) => {
  await open(page, `${world.demo}/en/?period=30d`);
  const pinned = page.locator('tr.pinned');
  assert.equal(await pinned.count(), 3);
  assert.ok((await texts(page, 'tr.pinned .provider')).every((name) => name === 'Northwind AI'));
  assert.deepEqual(new Set(await texts(page, 'tr.pinned .c-service')).size, 3);
  await page.locator('th.c-availability button').click();
  await until('no pins', async () => (await pinned.count()) === 0);
  await page.reload();
  await until('pins again', async () => (await pinned.count()) === 3);
  await page.locator('th.c-availability button').click();
  await until('no pins', async () => (await pinned.count()) === 0);
  await page.locator('td.c-latency').first().click();
  await page.locator('dialog[open]').waitFor();
  await page.keyboard.press('Escape');
  await until('closed', async () => (await page.locator('dialog').count()) === 0);
  assert.equal(await pinned.count(), 0, 'closing a detail leaves the order as it was');
  await page.goto(`${world.demo}/en/?period=30d&sort=uptime_desc`);
  await page.locator(ROW).first().waitFor();
  await page.locator('td.c-latency').first().click();
  await page.locator('dialog[open]').waitFor();
  await asks(page, /sort=uptime_desc/);
  await page.keyboard.press('Escape');
  await asks(page, '?period=30d&sort=uptime_desc');
  assert.equal(await pinned.count(), 0);
  await page.goto(`${world.demo}/en/?period=30d&sort=latency_asc`);
  await page.locator(ROW).first().waitFor();
  assert.equal(await pinned.count(), 0);
});

visit('filters narrow each other, search narrows further, clearing brings all back', {}, async (page) => {
  await open(page, `${world.demo}/en/`);
  await page.locator('.facet button', { hasText: 'Service' }).click();
  await page.locator('.panel input[type="search"]').fill('codex');
  await page.locator('.option', { hasText: 'Codex' }).click();
  await until('only Codex', async () => new Set(await texts(page, 'td.c-service')).size === 1);
  const rows = await page.locator(ROW).count();
  assert.ok(rows > 0 && rows < 25);
  await asks(page, '?service=cx');
  await page.keyboard.press('Escape');
  await until('no panel', async () => (await page.locator('.panel').count()) === 0);
  await page.locator('.facet button', { hasText: 'Provider' }).click();
  await page.locator('.option').first().waitFor();
  await picture(page, 'filter-1440');
  const counts = (await texts(page, '.option small')).map(Number);
  assert.equal(counts.reduce((sum, count) => sum + count, 0), rows);
  await page.keyboard.press('Escape');
  await until('no panel again', async () => (await page.locator('.panel').count()) === 0);
  await page.keyboard.press('/');
  await page.locator('.search input:focus').waitFor();
  await page.keyboard.type('northwind');
  await until('one row', async () => (await page.locator(ROW).count()) === 1);
  await asks(page, '?service=cx&q=northwind');
  await page.locator('.search input').fill('nothing has this name');
  await page.locator('.notice').waitFor();
  await picture(page, 'state-no-match-1440');
  await page.locator('.notice button').click();
  await until('all rows', async () => (await page.locator(ROW).count()) === 25);
  await asks(page, '');
});

visit('a block says what it stands for, to mouse and keyboard', {}, async (page) => {
  await open(page, `${world.demo}/en/?period=30d&provider=ironbark`);
  const strip = page.locator('.strip').first();
  await strip.hover({ position: { x: 200, y: 8 } });
  const tip = page.locator('.tip');
  await tip.waitFor();
  await picture(page, 'tooltip-1440');
  assert.match(await tip.innerText(), /Nov|Oct|Dec|Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep/);
  assert.match(await tip.innerText(), /Availability\s+[\d.]+%/);
  await page.mouse.move(5, 5);
  await until('no tooltip', async () => (await tip.count()) === 0);
  await page.locator('.channel').first().focus();
  await page.keyboard.press('Tab');
  await tip.waitFor();
  const before = await strip.getAttribute('aria-valuetext');
  await page.keyboard.press('ArrowLeft');
  await until('another block', async () => (await strip.getAttribute('aria-valuetext')) !== before);
  await page.keyboard.press('Escape');
  await until('no tooltip', async () => (await tip.count()) === 0);
});

visit('a touch shows the tooltip, another one elsewhere takes it away', { width: 360, height: 740, touch: true }, async (page) => {
  await open(page, `${world.demo}/en/?period=90d`);
  const strip = page.locator('.card', { has: page.locator('.layer-label') }).locator('.strip').first();
  assert.ok(Number(await strip.getAttribute('aria-valuemax')) < 50);
  await strip.tap({ position: { x: 290, y: 8 } });
  // A block of one model also says how all of them fared.
  await page.locator('.tip', { hasText: /claude-sonnet-4-5[^]*Availability[^]*3 models[^]*Availability/ }).waitFor();
  await picture(page, 'tooltip-360');
  await page.locator('.summary-words').tap();
  await until('no tooltip', async () => (await page.locator('.tip').count()) === 0);
  await fits(page);
  await accessible(page);
});

visit('on a phone the filters unfold, and their lists open from below', { width: 360, height: 740, touch: true }, async (page) => {
  await open(page, `${world.demo}/en/?period=24h`);
  assert.equal(await page.locator('.facet button:visible, .toolbar > .check:visible').count(), 0);
  await page.locator('.fold').tap();
  await page.locator('.toolbar > .check').tap();
  await until('it counts', async () => (await page.locator('.fold .chosen').innerText()) === '1');
  await fits(page);
  await picture(page, 'unfolded-360');
  await page.locator('.facet button', { hasText: 'Provider' }).tap();
  await page.locator('.option').first().waitFor();
  await picture(page, 'filter-360');
  await page.locator('.option', { hasText: 'Northwind' }).tap();
  await until('one provider', async () => new Set(await texts(page, '.card .provider')).size === 1);
  await accessible(page);
});

/** Tells whether every head of the table is whole and touches no other. @param {import('./support/world.mjs').Page} page */
function headsFit(page) {
  return page.locator('thead .sort .clip').evaluateAll((labels) => {
    const seen = labels.filter((label) => label.getClientRects().length > 0 && label.clientWidth > 1);
    const boxes = seen.map((label) => label.getBoundingClientRect());
    return seen.length > 3 && seen.every((label) => label.scrollWidth <= label.clientWidth)
      && boxes.every((box, place) => place === 0 || boxes[place - 1].right <= box.left);
  });
}

visit('the page speaks four languages at their own addresses', {}, async (page) => {
  /** @type {[string, string, string][]} */
  const languages = [['/', 'zh-CN', '服务商'], ['/en/', 'en', 'Provider'], ['/ja/', 'ja', 'プロバイダー'], ['/ru/', 'ru', 'Провайдер']];
  for (const [path, tag, word] of languages) {
    await page.setViewportSize({ width: 1440, height: 900 });
    await open(page, `${world.demo}${path}?period=24h`);
    assert.equal(await page.locator('html').getAttribute('lang'), tag);
    assert.equal(await page.locator('th.c-provider button').first().innerText(), word, path);
    for (const width of [1440, 1024, 768]) {
      await page.setViewportSize({ width, height: 900 });
      await until(`no head of the table is cut at ${width} pixels: ${path}`, () => headsFit(page));
      if (tag === 'ru') await picture(page, `language-${tag}-${width}`);
    }
    await page.setViewportSize({ width: 360, height: 740 });
    await page.locator('.card canvas').first().waitFor();
    await fits(page);
    await picture(page, `language-${tag}-360`);
  }
  await page.setViewportSize({ width: 1440, height: 900 });
  await page.locator('.header select').nth(1).selectOption('en');
  await page.waitForURL('**/en/?period=24h');
  await page.locator(ROW).first().waitFor();
  assert.equal(await page.locator('link[rel="alternate"][hreflang]').count(), 5);
});

visit('themes follow the system until one is chosen, which is kept', { scheme: 'dark' }, async (page) => {
  await open(page, `${world.demo}/en/`);
  const theme = () => page.locator('html').getAttribute('data-theme');
  assert.equal(await theme(), 'dark');
  await accessible(page);
  await page.emulateMedia({ colorScheme: 'light' });
  await until('light', async () => (await theme()) === 'light');
  await page.locator('.header select').first().selectOption('dark');
  await until('dark', async () => (await theme()) === 'dark');
  await page.reload();
  assert.equal(await theme(), 'dark');
});

visit('favourites are kept, shown alone, and filters come back afterwards', {}, async (page) => {
  await page.addInitScript(() => {
    if (localStorage.length === 0) localStorage.setItem('relay-pulse-favorites', '{"version":1,"items":["gone-cc-vip"]}');
  });
  await open(page, `${world.demo}/en/?service=cx`);
  await until('forgets what is gone', async () =>
    (await page.evaluate(() => localStorage.getItem('relay-pulse-favorites'))) === '{"version":1,"items":[]}');
  await page.locator('.star').first().click();
  const only = page.locator('button', { hasText: 'Favourites' });
  await only.click();
  await until('one row', async () => (await page.locator(ROW).count()) === 1);
  await asks(page, '?fav=1');
  await page.locator('.star').first().click();
  await page.locator('.notice', { hasText: 'No favourites yet' }).waitFor();
  await picture(page, 'state-no-favourites-1440');
  await page.reload();
  await only.click();
  await asks(page, '?service=cx');
  await until('filters are back', async () => (await page.locator(ROW).count()) > 1);
  await page.locator('.star').first().click();
  await page.goto(`${world.demo}/en/?fav=1`);
  await page.locator(ROW).first().waitFor();
  assert.equal(await page.locator(ROW).count(), 1);
});

visit('two windows keep the favourites of both, and each shows those of the other', {}, async (page) => {
  await open(page, `${world.demo}/en/`);
  const other = await page.context().newPage();
  await open(other, `${world.demo}/en/`);
  const kept = () => page.evaluate(() => JSON.parse(localStorage.getItem('relay-pulse-favorites') ?? '{}').items.length);
  const stars = (/** @type {import('playwright-core').Page} */ from) => from.locator('.star[aria-pressed="true"]').count();
  await page.locator('.star').nth(0).click();
  await until('the other shows it', async () => (await stars(other)) === 1);
  await until('it is kept', async () => (await kept()) === 1);
  // A window is not told of what it wrote itself, so this one knows nothing of it when the star is clicked.
  await other.evaluate(() => localStorage.setItem('relay-pulse-favorites', '{"version":1,"items":["ironbark-chat-team"]}'));
  await other.locator('.star[aria-pressed="false"]').first().click();
  await until('both are kept', async () => (await kept()) === 2);
});

visit('the time of day is shown in local time and asked for in UTC, widened where the zone needs it', { zone: 'Asia/Kathmandu' }, async (page) => {
  await open(page, `${world.demo}/en/?period=7d`);
  const asked = page.waitForRequest(/time_filter=/);
  await page.locator('.time-of-day select').selectOption({ label: '09:00-18:00' });
  assert.equal(new URL((await asked).url()).searchParams.get('time_filter'), '03:00-12:30');
  await page.locator('.time-of-day', { hasText: 'not on half hours' }).waitFor();
  await page.locator('.time-of-day select').selectOption('free');
  const free = page.waitForRequest((request) => /time_filter=.*11.*30/.test(request.url()));
  await page.locator('.times input').nth(1).fill('17:15');
  await free;
  await asks(page, '?period=7d&tf=03:00-11:30');
  await until('local again', async () => (await page.locator('.times input').nth(1).inputValue()) === '17:15');
});

visit('full hours are asked for when wanted, and that is remembered', {}, async (page) => {
  await open(page, `${world.demo}/en/?period=24h`);
  const asked = page.waitForRequest(/align=hour/);
  await page.locator('.toolbar .check').click();
  await asked;
  await page.reload();
  await page.locator(ROW).first().waitFor();
  assert.equal(await page.locator('.toolbar .check input').isChecked(), true);
});

visit('everything can be reached by keyboard alone', {}, async (page) => {
  await open(page, `${world.demo}/en/`);
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement?.className), 'skip');
  await page.keyboard.press('Enter');
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement?.getAttribute('name')), 'period');
  await page.keyboard.press('ArrowRight');
  await asks(page, '?period=24h');
  await page.locator('tr.monitor').first().waitFor();
  /** @type {string[]} */
  const seen = [];
  for (let step = 0; step < 60 && !seen.includes('channel'); step += 1) {
    await page.keyboard.press('Tab');
    seen.push(await page.evaluate(() => document.activeElement?.classList[0] ?? ''));
    // Wherever the focus is, it can be seen.
    const outline = await page.evaluate(() => {
      const at = document.activeElement;
      const styled = at?.classList.contains('hidden') ? at.nextElementSibling : at?.closest('.check, .select') ?? at;
      return [at, styled].some((node) => node && getComputedStyle(node).outlineStyle !== 'none');
    });
    assert.ok(outline, `no outline on ${seen[seen.length - 1]}`);
  }
  for (const name of ['sort', 'star', 'provider', 'channel']) assert.ok(seen.includes(name), `${name} is not reached: ${seen}`);
  await page.keyboard.press('Enter');
  await page.locator('dialog[open]').waitFor();
  await page.keyboard.press('Escape');
  await until('closed', async () => (await page.locator('dialog').count()) === 0);
  await until('the focus is back', async () => (await page.evaluate(() => document.activeElement?.className)) === 'channel');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await page.locator('dialog[open]').waitFor();
});
