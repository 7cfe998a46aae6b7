/** The monitors as cards. */

import { useMemo, useRef } from '../../vendor/preact-hooks.mjs';
import { t } from '../i18n.js';
import { rowBlocks } from '../logic/heatmap.js';
import { Availability, Badges, Category, Channel, Latency, Layers, Price, Provider, Star, Status, openByClick, openByEnter, rowName } from './cells.js';
import { html, memo } from './html.js';
import { cardHeight, rem, useWidth } from './layout.js';
import { useFocusKept, useWindowed } from './windowed.js';

/** @typedef {import('../api/types.js').Board} Board */
/** @typedef {import('../api/types.js').Row} Row */
/** @typedef {import('../logic/color.js').Theme} Theme */

/** In rem: least width of a card, space between two, inner space on both sides with the border. */
const LEAST = 20;
const SPACE = 0.75;
const INSIDE = 1.875;

const Card = memo(
  /** @param {{row: Row, board: Board, width: number, limit: number, theme: Theme, prefix: string, place: number, total: number, height: number, pinned: boolean}} props */
  ({ row, board, width, limit, theme, prefix, place, total, height, pinned }) => {
    const priced = row.priceMin !== null || row.priceMax !== null;
    const blocks = useMemo(() => rowBlocks(board, row, limit), [board, row, limit]);
    return html`<li class=${pinned ? 'card pinned' : 'card'} onClick=${(/** @type {MouseEvent} */ event) => openByClick(event, row)}
      onKeyDown=${(/** @type {KeyboardEvent} */ event) => openByEnter(event, row)} style=${{ height: `${height}px` }} aria-label=${rowName(row)} aria-posinset=${place + 1} aria-setsize=${total}>
      <div class="card-head">
        <span class="line">${pinned && html`<span class="hidden">${t('pin.label')}: </span>`}<${Provider} row=${row} prefix=${prefix} />${board.badges && html`<${Badges} row=${row} />`}</span>
        <${Star} row=${row} />
      </div>
      <div class="card-sub">
        <bdi class="clip service">${row.serviceLabel}</bdi><${Channel} row=${row} bare=${true} />${row.category === 'public' && html`<${Category} category=${row.category} />`}
        ${priced && html`<span class="hidden">${t('column.price')} </span><${Price} row=${row} />`}
      </div>
      <${Layers} row=${row} blocks=${blocks} width=${width} theme=${theme} labels=${true} />
      <div class="card-figures">
        <${Status} row=${row} />
        <span class="figure"><span class="hidden">${t('column.latency')} </span><${Latency} latency=${row.latency} slowMs=${row.slowMs} status=${row.status} theme=${theme} /></span>
        <span class="figure strong"><span class="hidden">${t('column.availability')} </span><${Availability} value=${row.availability} theme=${theme} /></span>
      </div>
    </li>`;
  },
);

/** @param {{board: Board, rows: readonly Row[], theme: Theme, prefix: string, limit: number, pins: number}} props */
export function Cards({ board, rows, theme, prefix, limit, pins }) {
  const list = useRef(/** @type {Element|null} */ (null));
  const width = useWidth(list);
  const size = rem();
  const perLine = Math.max(1, Math.floor((width / size + SPACE) / (LEAST + SPACE)));
  const lines = useMemo(() => {
    const result = [];
    for (let at = 0; at < rows.length; at += perLine) result.push(rows.slice(at, at + perLine));
    return result;
  }, [rows, perLine]);
  const heights = useMemo(
    () => lines.map((line) => (Math.max(...line.map(cardHeight)) + SPACE) * size),
    [lines, size],
  );
  const { first, last, before, after } = useWindowed(heights, list, perLine);
  useFocusKept(list);
  const inner = Math.floor((width - (perLine - 1) * SPACE * size) / perLine - INSIDE * size);
  const grid = { gridTemplateColumns: `repeat(${perLine}, minmax(0, 1fr))` };
  return html`<div ref=${list} class="cards" style=${{ paddingTop: `${before}px`, paddingBottom: `${after}px` }}>
    <ul class="card-grid" style=${grid}>
      ${rows.slice(first * perLine, last * perLine).map((row, at) => html`<${Card} key=${row.id} row=${row} board=${board} width=${inner} limit=${limit}
        theme=${theme} prefix=${prefix} place=${first * perLine + at} total=${rows.length}
        height=${cardHeight(row) * size} pinned=${first * perLine + at < pins} />`)}
    </ul>
  </div>`;
}
