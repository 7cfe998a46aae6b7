/**
 * One line of blocks. Drawn on a canvas, since a long page has tens of thousands of blocks; to assistive technology it
 * is a read-only slider whose value is the block under the cursor, so that arrow keys read the history out.
 */

import { useLayoutEffect, useRef } from '../../vendor/preact-hooks.mjs';
import { format, t } from '../i18n.js';
import { FILL, availabilityColor } from '../logic/color.js';
import { blockAt } from '../logic/heatmap.js';
import { statusName } from '../logic/status.js';
import { html } from './html.js';
import { hideTip, tip } from './tip-state.js';

/** @typedef {import('../api/types.js').Block} Block */
/** @typedef {import('../logic/color.js').Theme} Theme */

/** Part of the strip's height that a fully available block takes; worse ones stand out by their height too. */
const CALM = 0.66;
const MISSING_PART = 0.2;

/**
 * @param {HTMLCanvasElement} canvas
 * @param {readonly Block[]} blocks
 * @param {number} width CSS pixels.
 * @param {number} height CSS pixels.
 * @param {Theme} theme
 */
function draw(canvas, blocks, width, height, theme) {
  const scale = Math.min(3, window.devicePixelRatio || 1);
  const [w, h] = [Math.round(width * scale), Math.round(height * scale)];
  if (canvas.width !== w) canvas.width = w;
  if (canvas.height !== h) canvas.height = h;
  const context = canvas.getContext('2d');
  if (context === null) return;
  context.clearRect(0, 0, w, h);
  const step = w / blocks.length;
  // Gaps only where there is room for even ones; without, the strip is a band from which bad probes stand out.
  const space = step >= 5 * scale ? Math.max(1, Math.round(1.5 * scale)) : step >= 6 ? 1 : 0;
  const last = blocks.length - 1;
  blocks.forEach(({ availability }, index) => {
    const left = Math.round(index * step);
    const right = Math.max(left + 1, Math.round((index + 1) * step) - space);
    const part = availability < 0 ? MISSING_PART : CALM + (1 - CALM) * (1 - Math.min(100, availability) / 100);
    const tall = Math.max(Math.round(2 * scale), Math.round(h * part));
    context.fillStyle = availability < 0 ? FILL[theme].none : availabilityColor(availability, theme);
    context.beginPath();
    const round = Math.min(2 * scale, space === 0 ? right - left : (right - left) / 3);
    const [begin, end] = [space > 0 || index === 0 ? round : 0, space > 0 || index === last ? round : 0];
    context.roundRect(left, Math.round((h - tall) / 2), right - left, tall, [begin, end, end, begin]);
    context.fill();
  });
}

/** Says a block in one sentence. @param {Block} block @param {string} model */
export function describe(block, model) {
  const { availability, latency, range } = format();
  const parts = [range(block.start, block.end), t(`status.${statusName(block.status)}`)];
  if (model) parts.unshift(model);
  if (block.availability >= 0) parts.push(availability(block.availability));
  if (block.latency > 0) parts.push(latency(block.latency));
  const causes = Object.entries(block.counts.causes).map(([cause, count]) => `${t(`cause.${cause}`)} ${count}`);
  return [...parts, ...causes].join(', ');
}

/**
 * @typedef {object} StripProps
 * @property {readonly Block[]} blocks
 * @property {readonly (readonly Block[])[]} group The blocks of all models, this one's among them; empty when there is only one.
 * @property {number} width
 * @property {number} height
 * @property {Theme} theme
 * @property {string} name Whose history it is.
 * @property {string} model
 * @property {number} slowMs
 */

/** @param {StripProps} props */
export function Strip({ blocks, group, width, height, theme, name, model, slowMs }) {
  const canvas = useRef(/** @type {HTMLCanvasElement|null} */ (null));
  const host = useRef(/** @type {HTMLDivElement|null} */ (null));
  const cursor = useRef(-1);
  const shown = useRef(blocks);
  shown.current = blocks;
  const beside = useRef(group);
  beside.current = group;

  useLayoutEffect(() => {
    if (canvas.current && width > 0 && blocks.length > 0) draw(canvas.current, blocks, width, height, theme);
  }, [blocks, width, height, theme]);
  useLayoutEffect(() => () => hideTip(cursor), []);
  const known = useRef(name);
  useLayoutEffect(() => {
    const watched = tip.peek()?.owner === cursor && known.current === name;
    known.current = name;
    if (watched) return look(Math.min(cursor.current, blocks.length - 1));
    cursor.current = -1;
    hideTip(cursor);
    return undefined;
  }, [blocks, name]);

  /** @param {number} index */
  const look = (index) => {
    const block = shown.current[index];
    const area = host.current?.getBoundingClientRect();
    if (!block || !area) return;
    cursor.current = index;
    host.current?.setAttribute('aria-valuenow', String(index));
    host.current?.setAttribute('aria-valuetext', describe(block, model));
    const step = area.width / shown.current.length;
    const box = { left: area.left + index * step, top: area.top, width: step, height: area.height };
    if (tip.peek()?.owner !== cursor || tip.peek()?.block !== block) {
      tip.value = { owner: cursor, block, group: beside.current.map((layer) => layer[index] ?? block), model, slowMs, box };
    }
  };
  /** @param {PointerEvent} event */
  const point = (event) => {
    const area = host.current?.getBoundingClientRect();
    if (area) look(blockAt(event.clientX - area.left, area.width, shown.current.length));
  };
  /** @param {PointerEvent} event */
  const leave = (event) => {
    if (event.pointerType === 'mouse' && document.activeElement !== host.current) hideTip(cursor);
  };
  /** @param {KeyboardEvent} event */
  const press = (event) => {
    const last = shown.current.length - 1;
    const now = Math.min(cursor.current < 0 ? last : cursor.current, last);
    /** @type {Record<string, number>} */
    const moves = {
      ArrowLeft: now - 1, ArrowDown: now - 1, ArrowRight: now + 1, ArrowUp: now + 1,
      PageUp: now + 10, PageDown: now - 10, Home: 0, End: last,
    };
    if (event.key === 'Escape') hideTip(cursor);
    if (!Object.hasOwn(moves, event.key)) return;
    event.preventDefault();
    look(Math.max(0, Math.min(last, moves[event.key])));
  };
  const focus = () => {
    if (host.current?.matches(':focus-visible')) look(cursor.current < 0 ? shown.current.length - 1 : cursor.current);
  };

  const newest = blocks[blocks.length - 1];
  return html`<div
    ref=${host}
    class="strip"
    role="slider"
    tabindex="0"
    aria-label=${t('heat.label', { name: model ? `${name} ${model}` : name })}
    aria-readonly="true"
    aria-valuemin="0"
    aria-valuemax=${Math.max(0, blocks.length - 1)}
    aria-valuenow=${Math.max(0, blocks.length - 1)}
    aria-valuetext=${newest ? describe(newest, model) : t('status.missing')}
    onPointerMove=${point}
    onPointerDown=${point}
    onPointerLeave=${leave}
    onKeyDown=${press}
    onFocus=${focus}
    onBlur=${() => hideTip(cursor)}
    style=${{ height: `${height}px` }}
  >
    <canvas ref=${canvas} style=${{ width: `${width}px`, height: `${height}px` }}></canvas>
  </div>`;
}
