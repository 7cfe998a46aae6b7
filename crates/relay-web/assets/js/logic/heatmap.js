/**
 * From points to the blocks of a heat-map.
 *
 * Buckets are shown one by one and merged only where there is no room. Single probes (90m) are never merged: they are
 * laid on a time axis whose step is the monitor's own interval, so that gaps show as gaps and the rows of the page
 * line up in time.
 */

import { MISSING, worst } from './status.js';

/** @typedef {import('../api/types.js').Block} Block */
/** @typedef {import('../api/types.js').Board} Board */
/** @typedef {import('../api/types.js').Counts} Counts */
/** @typedef {import('../api/types.js').Point} Point */
/** @typedef {import('../api/types.js').Row} Row */

/** More blocks than anybody can see; a bound against odd clocks and intervals. */
const MAX_SLOTS = 2000;

/** Steps without a probe before the present counts as a gap: the last one may still be under way, or its record cached. */
const LATE = 2.5;

/** @returns {Counts} */
export function noCounts() {
  return { available: 0, degraded: 0, unavailable: 0, missing: 0, causes: {}, codes: {} };
}

/** @param {number} start @param {number} end @returns {Block} */
function gap(start, end) {
  return { start, end, status: MISSING, latency: 0, availability: -1, counts: noCounts() };
}

/** Sums counts. @param {readonly Counts[]} list */
export function sumCounts(list) {
  const sum = noCounts();
  for (const counts of list) {
    sum.available += counts.available;
    sum.degraded += counts.degraded;
    sum.unavailable += counts.unavailable;
    sum.missing += counts.missing;
    for (const [cause, count] of Object.entries(counts.causes)) {
      sum.causes[cause] = (sum.causes[cause] ?? 0) + count;
    }
    for (const [cause, codes] of Object.entries(counts.codes)) {
      const target = (sum.codes[cause] ??= {});
      for (const [code, count] of Object.entries(codes)) target[code] = (target[code] ?? 0) + count;
    }
  }
  return sum;
}

/** Makes one block of several: worst status, mean availability and latency, summed counts. @param {readonly Block[]} blocks @returns {Block} */
function merge(blocks) {
  const filled = blocks.filter((block) => block.availability >= 0);
  const timed = blocks.filter((block) => block.latency > 0);
  return {
    start: blocks[0].start,
    end: blocks[blocks.length - 1].end,
    status: blocks.reduce((status, block) => worst(status, block.status), MISSING),
    latency: timed.length === 0 ? 0 : Math.round(timed.reduce((sum, block) => sum + block.latency, 0) / timed.length),
    availability:
      filled.length === 0 ? -1 : filled.reduce((sum, block) => sum + block.availability, 0) / filled.length,
    counts: sumCounts(blocks.map((block) => block.counts)),
  };
}

/**
 * Makes one block of what the models of a group were at the same time: the worst status, the least availability, the
 * longest latency, summed counts.
 * @param {readonly Block[]} blocks One of each model.
 * @returns {Block}
 */
export function combine(blocks) {
  const filled = blocks.filter((block) => block.availability >= 0);
  return {
    start: Math.min(...blocks.map((block) => block.start)),
    end: Math.max(...blocks.map((block) => block.end)),
    status: blocks.reduce((status, block) => worst(status, block.status), MISSING),
    latency: Math.max(...blocks.map((block) => block.latency)),
    availability: filled.length === 0 ? -1 : Math.min(...filled.map((block) => block.availability)),
    counts: sumCounts(blocks.map((block) => block.counts)),
  };
}

/**
 * Merges neighbours so that at most `limit` blocks are left, in runs of equal length counted from the newest.
 * @param {readonly Block[]} blocks
 * @param {number} limit
 * @returns {readonly Block[]}
 */
export function mergeBlocks(blocks, limit) {
  if (blocks.length <= limit || limit < 1) return blocks;
  const run = Math.ceil(blocks.length / limit);
  /** @type {Block[]} */
  const result = [];
  for (let end = blocks.length; end > 0; end -= run) {
    result.push(merge(blocks.slice(Math.max(0, end - run), end)));
  }
  return result.reverse();
}

/** @param {readonly Point[]} points @param {number} width @returns {Block[]} */
function bucketBlocks(points, width) {
  return points.map((point) => ({
    start: point.at,
    end: point.at + width,
    status: point.status,
    latency: point.latency,
    availability: point.availability,
    counts: point.counts,
  }));
}

/** Seconds between probes: as configured, else the median distance. @param {Row} row @param {readonly Point[]} points */
function stepOf(row, points) {
  if (row.intervalMs > 0) return row.intervalMs / 1000;
  const gaps = points.slice(1).map((point, index) => point.at - points[index].at);
  gaps.sort((a, b) => a - b);
  return Math.max(1, gaps[gaps.length >> 1] ?? 60);
}

/**
 * Lays the moments of the densest layer on an axis from `start` to `end`: one slot per probe, and slots without one
 * where probes are missing by at least one and a half steps. Probes that keep an even distance miss none: the interval
 * was longer when they were made.
 * @param {readonly Point[]} points
 * @param {number} step
 * @param {number} start
 * @param {number} end
 * @returns {number[]} The moment each slot stands for, rising.
 */
export function probeSlots(points, step, start, end) {
  const safe = Math.max(step, (end - start) / MAX_SLOTS, 1);
  /** @type {number[]} */
  const slots = [];
  /** @param {number} from @param {number} to Fills what lies between two probes. */
  const fill = (from, to) => {
    const missing = Math.min(MAX_SLOTS - slots.length, Math.round((to - from) / safe) - 1);
    for (let index = 1; index <= missing; index += 1) slots.push(from + ((to - from) * index) / (missing + 1));
  };
  let before = start - safe / 2;
  // The first probes have none before them to keep an even distance to; those after them tell.
  let usual = points.length > 2 ? Math.min(points[1].at - points[0].at, points[2].at - points[1].at) : 0;
  points.forEach((point, index) => {
    const distance = point.at - before;
    if (distance >= Math.max(safe, usual) * 1.5) fill(before, point.at);
    slots.push(point.at);
    before = point.at;
    if (index > 0) usual = distance;
  });
  if (end - before >= safe * LATE) fill(before, end + safe / 2);
  return slots;
}

/**
 * Gives each point its nearest slot. A slot that several points claim keeps the nearest one; the others take a free
 * neighbour, and where there is none the worse status stays.
 * @param {readonly Point[]} points
 * @param {readonly number[]} slots
 * @returns {(Point|undefined)[]}
 */
export function alignToSlots(points, slots) {
  /** @type {(Point|undefined)[]} */
  const placed = new Array(slots.length).fill(undefined);
  if (slots.length === 0) return placed;
  let slot = 0;
  for (const point of points) {
    while (slot + 1 < slots.length && Math.abs(slots[slot + 1] - point.at) <= Math.abs(slots[slot] - point.at)) {
      slot += 1;
    }
    const held = placed[slot];
    if (held === undefined) placed[slot] = point;
    else if (slot > 0 && placed[slot - 1] === undefined) {
      placed[slot - 1] = held;
      placed[slot] = point;
    } else if (slot + 1 < slots.length) {
      slot += 1;
      placed[slot] = point;
    } else if (worst(held.status, point.status) === point.status) placed[slot] = point;
  }
  return placed;
}

/** @param {Board} board @param {Row} row @returns {Block[][]} */
function probeBlocks(board, row) {
  const layers = row.layers.map((layer) => layer.points);
  const densest = layers.reduce((most, points) => (points.length > most.length ? points : most), layers[0] ?? []);
  const slots = probeSlots(densest, stepOf(row, densest), board.start, board.end);
  return layers.map((points) =>
    alignToSlots(points, slots).map((point, index) =>
      point === undefined ? gap(slots[index], slots[index]) : { ...bucketBlocks([point], 0)[0] },
    ),
  );
}

/**
 * Returns the blocks of a row, one list per layer, all of equal length, oldest first.
 * @param {Board} board
 * @param {Row} row
 * @param {number} limit How many blocks there is room for; single probes ignore it.
 * @returns {readonly (readonly Block[])[]}
 */
export function rowBlocks(board, row, limit) {
  if (board.raw) return probeBlocks(board, row);
  const longest = row.layers.reduce((most, layer) => (layer.points.length > most.length ? layer.points : most),
    /** @type {readonly Point[]} */ ([]));
  return row.layers.map((layer) => {
    const own = new Map(layer.points.map((point) => [point.at, point]));
    const blocks = longest.map(({ at }) => {
      const point = own.get(at);
      return point ? bucketBlocks([point], board.width)[0] : gap(at, at + board.width);
    });
    return mergeBlocks(blocks, limit);
  });
}

/**
 * Returns which of `count` equal blocks lies at `x` of `width`; outside counts as the nearest.
 * @param {number} x
 * @param {number} width
 * @param {number} count
 */
export function blockAt(x, width, count) {
  if (count <= 0 || !(width > 0)) return -1;
  return Math.min(count - 1, Math.max(0, Math.floor((x / width) * count)));
}
