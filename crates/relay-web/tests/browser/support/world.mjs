/** What all parts share: one browser and the servers, started once. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { AXE, PATIENCE_MS, artifact, launch, until } from './machine.mjs';
import { demo, fleet, site } from './server.mjs';
import { stub } from './stub.mjs';

/** @typedef {import('playwright-core').Page} Page */

/** @type {import('playwright-core').Browser} */
let browser;
/** @type {Awaited<ReturnType<typeof demo>>} */
let demoServer;
/** @type {Awaited<ReturnType<typeof site>>} */
let siteServer;
/** Servers of single tests. @type {{stop: () => Promise<unknown>}[]} */
const own = [];

export const world = {
  /** Two dozen relays with a month of history. */
  get demo() { return demoServer.origin; },
  /** A few relays that do as they are told. */
  get site() { return siteServer.origin; },
  get relay() { return siteServer.relay; },
  /** Starts a server of the test's own, which has the real page and an invented API. */
  async stub() {
    const made = await stub(demoServer.origin);
    own.push(made);
    return made;
  },
  /** Starts a site with many monitors and some history. @param {number} count @param {number} probes Of each. */
  async fleet(count, probes) {
    const made = await fleet(count, probes);
    own.push(made);
    return made.origin;
  },
};

export async function begin() {
  [browser, demoServer, siteServer] = await Promise.all([launch(), demo(), site()]);
}

export async function end() {
  await browser?.close();
  await Promise.all([...own, demoServer, siteServer].map((server) => server?.stop()));
}

/**
 * @typedef {object} Look How the reader looks at the page.
 * @property {number} [width]
 * @property {number} [height]
 * @property {'light'|'dark'} [scheme]
 * @property {string} [zone]
 * @property {boolean} [touch]
 * @property {boolean} [scripts] Whether scripts run, `true` unless said otherwise.
 * @property {boolean} [free] Lets measuring scripts in, which the page's own policy rightly refuses.
 * @property {boolean} [alone] Whether it measures time or memory, so that no other test may run beside it.
 * @property {readonly RegExp[]} [expected] Complaints in the console that belong to the test.
 */

/** @typedef {{name: string, look: Look, run: (page: Page) => Promise<void>}} Visit */

/** @type {Visit[]} */
const visits = [];

/** Tests that only wait share the processors; more of them at once than this make none of them faster. */
const BESIDE = 3;

/**
 * A test with a page of its own. Whatever the page complains about fails it. It may run beside others, so it changes
 * nothing that they share.
 * @param {string} name
 * @param {Look} look
 * @param {(page: Page) => Promise<void>} run
 */
export function visit(name, look, run) {
  visits.push({ name, look, run });
}

/** Gives all tests to the runner: first those that may run beside one another, then the others one by one. */
export function register() {
  /** @param {boolean} alone */
  const some = (alone) => {
    for (const one of visits.filter(({ look }) => Boolean(look.alone) === alone)) {
      test(one.name, { timeout: 3 * PATIENCE_MS }, () => show(one));
    }
  };
  describe('beside one another', { concurrency: BESIDE }, () => some(false));
  describe('one by one', { concurrency: 1 }, () => some(true));
}

/** @param {Visit} visit */
async function show({ name, look, run }) {
  const { width = 1440, height = 900, scheme = 'light', zone = 'UTC', touch = false, scripts = true, free = false, expected = [] } = look;
  const context = await browser.newContext({
    viewport: { width, height }, colorScheme: scheme, timezoneId: zone, locale: 'en-US', hasTouch: touch, isMobile: touch,
    reducedMotion: 'reduce', bypassCSP: free, javaScriptEnabled: scripts,
  });
  context.setDefaultTimeout(PATIENCE_MS);
  const page = await context.newPage();
  /** @type {string[]} */
  const complaints = [];
  page.on('pageerror', (error) => complaints.push(String(error.stack)));
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(`${message.text()} ${message.location().url}`);
  });
  try {
    await run(page);
    assert.deepEqual(complaints.filter((text) => !expected.some((one) => one.test(text))), []);
  } catch (error) {
    await page.screenshot({ path: artifact(`failed-${name.replace(/[^a-z0-9]+/gi, '-')}.png`) }).catch(() => undefined);
    if (complaints.length > 0) console.error(complaints.join('\n'));
    throw error;
  } finally {
    await context.close();
  }
}

export const ROW = 'tr.monitor';

/** Opens an address and waits until monitors are there. @param {Page} page @param {string} url */
export async function open(page, url) {
  await page.goto(url);
  await page.locator(`${ROW}, .card`).first().waitFor();
}

/** Returns the texts of all elements. @param {Page} page @param {string} selector @returns {Promise<string[]>} */
export async function texts(page, selector) {
  return (await page.locator(selector).allInnerTexts()).map((text) => text.trim());
}

/**
 * Waits until the query string of the page's address is as wanted. The page itself is asked: what the driver knows of
 * its address comes later.
 * @param {Page} page
 * @param {string|RegExp} wanted
 */
export async function asks(page, wanted) {
  const query = () => page.evaluate(() => location.search);
  const right = (/** @type {string} */ found) => (typeof wanted === 'string' ? found === wanted : wanted.test(found));
  await until('the address', async () => right(await query())).catch(async (error) => {
    throw new Error(`${await query()} instead of ${wanted}`, { cause: error });
  });
}

/** Nothing that axe-core calls serious or critical is on the page. @param {Page} page */
export async function accessible(page) {
  // By the debugger, since the page's own policy rightly lets no script in.
  const session = await page.context().newCDPSession(page);
  const evaluate = async (/** @type {string} */ expression) => {
    const { result, exceptionDetails } = await session.send('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true });
    if (exceptionDetails) throw new Error(JSON.stringify(exceptionDetails));
    return result.value;
  };
  await evaluate(`${AXE};0`);
  const found = await evaluate(`axe.run({ resultTypes: ['violations'], rules: { 'target-size': { enabled: true } } }).then(({ violations }) => violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => id + ': ' + nodes.slice(0, 3).map(({ html, failureSummary }) => html.slice(0, 200) + ' ' + failureSummary).join(' | ')))`);
  assert.deepEqual(found, [], page.url());
  await session.detach();
}

/** Nothing sticks out to the side. @param {Page} page */
export async function fits(page) {
  const [inner, outer] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(inner <= outer, `${inner} pixels in a window of ${outer}: ${page.url()}`);
}

/** Keeps a picture of the page. @param {Page} page @param {string} name */
export async function picture(page, name) {
  await page.screenshot({ path: artifact(`${name}.png`) });
}
