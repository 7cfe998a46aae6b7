/** Running `relay-server`: the demo, and a site whose relays the tests command. */

import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { PATIENCE_MS, SERVER, until } from './machine.mjs';

/**
 * Starts the program and waits until it says where it listens.
 * @param {readonly string[]} args
 * @param {string} cwd
 * @param {(line: string) => string|undefined} addressIn
 */
async function start(args, cwd, addressIn) {
  const child = spawn(SERVER, args, { cwd, env: {}, stdio: ['ignore', 'pipe', 'pipe'] });
  /** @type {string[]} */
  const said = [];
  const address = await new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`does not listen: ${said.join('\n')}`)), 3 * PATIENCE_MS);
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`ended with ${code}: ${said.join('\n')}`)));
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => {
        said.push(line);
        const found = addressIn(line);
        if (found === undefined) return;
        clearTimeout(late);
        resolve(found);
      });
    }
  });
  return {
    origin: `http://${address}`,
    stop: () => new Promise((resolve) => {
      child.removeAllListeners('exit');
      if (child.exitCode !== null || child.signalCode !== null) return resolve(undefined);
      child.once('exit', () => resolve(undefined));
      return child.kill('SIGTERM');
    }),
  };
}

/** Starts the demo: two dozen simulated relays with a month of history. */
export async function demo() {
  return start(['demo', '--listen', '127.0.0.1:0'], tmpdir(), (line) => /http:\/\/([\d.]+:\d+)\//.exec(line)?.[1]);
}

/** @typedef {'good'|'down'|'limited'} Behaviour */

/** Starts a relay that answers as it is told: its first path segment says as which monitor. */
async function relay() {
  /** @type {Map<string, Behaviour>} */
  const behaviours = new Map();
  const server = createServer((request, response) => {
    const name = (request.url ?? '').split('/')[1] ?? '';
    const behaviour = behaviours.get(name) ?? 'good';
    const code = behaviour === 'good' ? 200 : behaviour === 'down' ? 503 : 429;
    response.writeHead(code, { 'Content-Type': 'application/json' });
    response.end(code === 200 ? '{"answer":"ok"}' : '{"error":"on purpose"}');
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  return {
    origin: `http://127.0.0.1:${port}`,
    /** @param {string} name @param {Behaviour} behaviour */
    set: (name, behaviour) => behaviours.set(name, behaviour),
    stop: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

/** @param {string} folder */
const serve = (folder, args = ['run', '--log-format', 'json']) => start(args, folder, (line) => {
  try {
    const { fields } = JSON.parse(line);
    return fields?.message === 'serving' ? fields.address : undefined;
  } catch {
    return undefined;
  }
});

/** Starts a site with a cold board, every badge, and relays that do as they are told, probed every second. */
export async function site() {
  const upstream = await relay();
  const folder = mkdtempSync(join(tmpdir(), 'relay-web-'));
  /** @param {string} name @param {object} [own] */
  const monitor = (name, own) => ({
    provider: name, service: 'api', channel: 'main', category: 'commercial', sponsor: 'tests', method: 'GET',
    url: `${upstream.origin}/${name}/v1`, ...own,
  });
  const config = {
    interval: '1s', timeout: '5s', enable_badges: true, boards: { enabled: true },
    cache_ttl: { '90m': '100ms' }, server: { listen: '127.0.0.1:0' },
    storage: { type: 'sqlite', sqlite: { path: 'history.db' } },
    web: { title: 'Test Site', footer_note: 'A note <b>of</b> ours', subscribe_url: 'https://status.example.org/subscribe' },
    badge_definitions: { fast: { kind: 'feature', variant: 'success', weight: 50, label: { en: 'Fast', 'zh-CN': '快速' } } },
    risk_providers: [{ provider: 'gamma', risks: [{ label: 'Unclear origin', discussion_url: 'https://forum.example.org/1' }] }],
    monitors: [
      monitor('alpha', { sponsor_level: 'enterprise', badges: ['fast'], price_min: 0.05, price_max: 0.2 }),
      monitor('beta', { category: 'public', interval: '2s' }),
      monitor('gamma', { sponsor_level: 'basic' }),
      monitor('old', { board: 'cold', cold_reason: 'closed down' }),
    ],
  };
  writeFileSync(join(folder, 'config.yaml'), JSON.stringify(config));
  const server = await serve(folder);
  await until('everything is measured once', async () => {
    const { data } = /** @type {{data: {board: string, current_status: {timestamp: number}|null}[]}} */ (await (await fetch(`${server.origin}/api/status`)).json());
    return data.length === 3 && data.every(({ current_status: current }) => Number(current?.timestamp) > 0);
  });
  return {
    origin: server.origin,
    relay: upstream,
    stop: async () => {
      await server.stop();
      await upstream.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/**
 * Starts a site with many monitors that has measured them for ninety minutes and does not measure them now.
 * @param {number} count
 * @param {number} probes Of each.
 */
export async function fleet(count, probes) {
  const folder = mkdtempSync(join(tmpdir(), 'relay-web-'));
  const step = Math.floor(5400 / probes);
  const keys = Array.from({ length: count }, (_, index) => ({
    provider: `provider-${Math.floor(index / 8)}`, service: ['cc', 'cx', 'gm'][index % 3], channel: `channel-${index}`,
  }));
  const config = {
    interval: `${step}s`, server: { listen: '127.0.0.1:0' }, storage: { type: 'sqlite', sqlite: { path: 'history.db' } },
    monitors: keys.map((key, index) => ({ ...key, category: index % 5 === 0 ? 'public' : 'commercial', sponsor: 'tests', method: 'GET',
      url: 'https://relay.example.org/v1', price_min: (index % 40) / 40 })),
  };
  writeFileSync(join(folder, 'config.yaml'), JSON.stringify(config));
  const now = Math.floor(Date.now() / 1000);
  const records = keys.flatMap(({ provider, service, channel }, index) => Array.from({ length: probes }, (_, at) => {
    const good = (index * 7 + at * 13) % 100 >= index % 30;
    return [index * probes + at + 1, provider, service, channel, '', good ? 1 : 0, good ? '' : 'server_error', good ? 200 : 503,
      200 + ((index * 37 + at * 11) % 3000), now - (probes - at) * step].join(',');
  }));
  const names = 'id,provider,service,channel,model,status,sub_status,http_code,latency,timestamp';
  writeFileSync(join(folder, 'history.csv'), `${[names, ...records].join('\n')}\n`);
  await promisify(execFile)(SERVER, ['import', 'archive', 'history.csv'], { cwd: folder, env: {} });
  const server = await serve(folder, ['run', '--no-probe', '--log-format', 'json']);
  return {
    origin: server.origin,
    stop: async () => {
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
