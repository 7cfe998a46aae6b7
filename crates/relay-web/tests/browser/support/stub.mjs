/** A server with the real page and an API that says whatever a test wants, for answers that no healthy server gives. */

import { createServer, request as ask } from 'node:http';
import { gzipSync } from 'node:zlib';

/**
 * @typedef {object} Stub
 * @property {string} origin
 * @property {{status: (query: URLSearchParams) => unknown, timeline: () => unknown, history: () => unknown, refuseStream: boolean, away: boolean, headers: Record<string, string>}} api
 *   What it says; `undefined` as a status means it never answers. While it is away it answers nothing of the API.
 * @property {() => number} streams How many streams are open.
 * @property {(event: string, data: unknown) => void} tell Sends a message to all of them.
 * @property {() => void} cut Ends them all.
 * @property {() => Promise<unknown>} stop
 */

/** @param {string} origin Of the server that has the page. @returns {Promise<Stub>} */
export async function stub(origin) {
  /** @type {Stub['api']} */
  const api = { status: () => answer([]), timeline: () => ({}), history: () => ({}), refuseStream: false, away: false, headers: {} };
  /** @type {Set<import('node:http').ServerResponse>} */
  const streams = new Set();
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost');
    if (api.away && url.pathname.startsWith('/api/')) return request.socket.destroy();
    /** @param {unknown} value */
    const json = (value) => {
      if (value === undefined) return;
      const text = gzipSync(typeof value === 'string' ? value : JSON.stringify(value), { level: 1 });
      response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Encoding': 'gzip', 'Cache-Control': 'no-store', ...api.headers });
      response.end(text);
    };
    if (url.pathname === '/api/status') return json(api.status(url.searchParams));
    if (url.pathname === '/api/timeline') return json(api.timeline());
    if (url.pathname === '/api/history') return json(api.history());
    if (url.pathname === '/api/stream') {
      response.writeHead(api.refuseStream ? 429 : 200, { 'Content-Type': 'text/event-stream' });
      if (api.refuseStream) return response.end();
      response.write('retry: 50\n\n');
      streams.add(response);
      return response.on('close', () => streams.delete(response));
    }
    const from = ask(`${origin}${request.url}`, { headers: { ...request.headers, host: new URL(origin).host } }, (found) => {
      response.writeHead(found.statusCode ?? 502, found.headers);
      found.pipe(response);
    });
    from.on('error', () => response.destroy());
    return from.end();
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  return {
    origin: `http://127.0.0.1:${port}`,
    api,
    streams: () => streams.size,
    tell: (event, data) => {
      for (const stream of streams) stream.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
    },
    cut: () => {
      for (const stream of streams) stream.end();
      streams.clear();
    },
    stop: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Fields of compact points and counts, as the server names them. */
const FIELDS = { point_fields: ['timestamp', 'status', 'latency', 'availability', 'status_counts'],
  count_fields: ['available', 'degraded', 'unavailable', 'missing', 'slow_latency', 'server_error'] };

/** Makes an answer of `/api/status`. @param {readonly unknown[]} data @param {object} [meta] */
export function answer(data, meta = {}) {
  return {
    meta: { period: '90m', timeline_mode: 'raw', count: data.length, slow_latency_ms: 5000, enable_badges: true,
      sponsor_pin: { enabled: false }, boards: { enabled: false }, all_monitor_ids: [], ...FIELDS, ...meta },
    data, groups: [],
  };
}

/**
 * Makes `count` monitors with `points` probes each, the same every time.
 * @param {number} count
 * @param {number} points
 */
export function many(count, points) {
  const now = Math.floor(Date.now() / 1000);
  let seed = 7;
  const random = () => (seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648) / 2_147_483_648;
  const step = Math.floor(5400 / points);
  const data = Array.from({ length: count }, (_, index) => {
    const worth = random();
    const timeline = Array.from({ length: points }, (_point, at) => {
      const status = random() < worth ? 1 : random() < 0.5 ? 0 : 2;
      const place = status === 1 ? 0 : status === 2 ? 1 : 2;
      return [now - (points - at) * step, status, Math.round(200 + random() * 4000), status === 1 ? 100 : status === 2 ? 70 : 0,
        [place, 1]];
    });
    const last = timeline[timeline.length - 1];
    return {
      provider: `Provider ${Math.floor(index / 8)}`, provider_slug: `provider-${Math.floor(index / 8)}`,
      provider_url: 'https://relay.example.org', service: ['cc', 'cx', 'gm'][index % 3], category: index % 5 === 0 ? 'public' : 'commercial',
      channel: `channel-${index}`, board: 'hot', interval_ms: step * 1000, slow_latency_ms: 5000,
      price_min: index % 4 === 0 ? null : (index % 40) / 40, probe_url: 'https://relay.example.org/v1',
      badges: [{ id: 'api_key_official', kind: 'source', variant: 'info' }],
      current_status: { status: last[1], latency: last[2], timestamp: last[0] },
      availability: timeline.reduce((sum, point) => sum + Number(point[3]), 0) / points, timeline,
    };
  });
  return answer(data);
}
