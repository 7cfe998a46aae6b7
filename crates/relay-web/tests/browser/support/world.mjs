/** What all parts share: one browser and three servers, started once. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AXE, PATIENCE_MS, artifact, launch, until } from './machine.mjs';
import { demo, site } from './server.mjs';
import { stub } from './stub.mjs';

/** @type {any} */
let browser;
/** @type {Awaited<ReturnType<typeof demo>>} */
let demoServer;
/** @type {Awaited<ReturnType<typeof site>>} */
let siteServer;
/** @type {import('./stub.mjs').Stub} */
let stubServer;

export const world = {
  /** Two dozen relays with a month of history. */
  get demo() { return demoServer.origin; },
  /** A few relays that do as they are told. */
  get site() { return siteServer.origin; },
  get relay() { return siteServer.relay; },
  /** The real page with an invented API. */
  get stub() { return stubServer; },
};

export async function begin() {
  [browser, demoServer, siteServer] = await Promise.all([launch(), demo(), site()]);
  stubServer = await stub(demoServer.origin);
}

export async function end() {
  await browser?.close();
  await stubServer?.stop();
  await Promise.all([demoServer?.stop(), siteServer?.stop()]);
}

/**
 * @typedef {object} Look How the reader looks at the page.
 * @property {number} [width]
 * @property {number} [height]
 * @property {'light'|'dark'} [scheme]
 * @property {string} [zone]
 * @property {boolean} [touch]
 * @property {boolean} [free] Lets measuring scripts in, which the page's own policy rightly refuses.
 * @property {readonly RegExp[]} [expected] Complaints in the console that belong to the test.
 */

/**
 * A test with a page of its own. Whatever the page complains about fails it.
 * @param {string} name
 * @param {Look} look
 * @param {(page: any) => Promise<void>} run
 */
export function visit(name, look, run) {
  test(name, { timeout: 3 * PATIENCE_MS }, async () => {
    const { width = 1440, height = 900, scheme = 'light', zone = 'UTC', touch = false, free = false, expected = [] } = look;
    const context = await browser.newContext({
      viewport: { width, height }, colorScheme: scheme, timezoneId: zone, locale: 'en-US', hasTouch: touch, isMobile: touch,
      reducedMotion: 'reduce', bypassCSP: free,
    });
    context.setDefaultTimeout(PATIENCE_MS);
    const page = await context.newPage();
    /** @type {string[]} */
    const complaints = [];
    page.on('pageerror', (/** @type {Error} */ error) => complaints.push(String(error.stack)));
    page.on('console', (/** @type {any} */ message) => {
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
  });
}

export const ROW = 'tr.monitor';

/** Opens an address and waits until monitors are there. @param {any} page @param {string} url */
export async function open(page, url) {
  await page.goto(url);
  await page.locator(`${ROW}, .card`).first().waitFor();
}

/** Returns the texts of all elements. @param {any} page @param {string} selector @returns {Promise<string[]>} */
export async function texts(page, selector) {
  return (await page.locator(selector).allInnerTexts()).map((/** @type {string} */ text) => text.trim());
}

/**
 * Waits until the query string of the page's address is as wanted. The page itself is asked: what the driver knows of
 * its address comes later.
 * @param {any} page
 * @param {string|RegExp} wanted
 */
export async function asks(page, wanted) {
  const query = () => page.evaluate(() => location.search);
  const right = (/** @type {string} */ found) => (typeof wanted === 'string' ? found === wanted : wanted.test(found));
  await until('the address', async () => right(await query())).catch(async (error) => {
    throw new Error(`${await query()} instead of ${wanted}`, { cause: error });
  });
}

/** Nothing that axe-core calls serious or critical is on the page. @param {any} page */
export async function accessible(page) {
  // By the debugger, since the page's own policy rightly lets no script in.
  const session = await page.context().newCDPSession(page);
  const evaluate = async (/** @type {string} */ expression) => {
    const { result, exceptionDetails } = await session.send('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true });
    if (exceptionDetails) throw new Error(JSON.stringify(exceptionDetails));
    return result.value;
  };
  await evaluate(`${AXE};0`);
  const found = await evaluate(`axe.run({ resultTypes: ['violations'] }).then(({ violations }) => violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => id + ': ' + nodes.slice(0, 3).map(({ html, failureSummary }) => html.slice(0, 200) + ' ' + failureSummary).join(' | ')))`);
  assert.deepEqual(found, [], page.url());
  await session.detach();
}

/** Nothing sticks out to the side. @param {any} page */
export async function fits(page) {
  const [inner, outer] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(inner <= outer, `${inner} pixels in a window of ${outer}: ${page.url()}`);
}

/** Keeps a picture of the page. @param {any} page @param {string} name */
export async function picture(page, name) {
  await page.screenshot({ path: artifact(`${name}.png`) });
}
