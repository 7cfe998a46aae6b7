/** The monitors as a table. */

import { useMemo, useRef } from '../../vendor/preact-hooks.mjs';
import { format, t } from '../i18n.js';
import { rowBlocks } from '../logic/heatmap.js';
import { columns, loadedAt, outdated, sortBy } from '../state/page.js';
import { html, memo } from './html.js';
import { Icon } from './icons.js';
import { rem, rowHeight, useWidth } from './layout.js';
import { Availability, Badges, Category, Channel, Latency, Layers, Price, Provider, Star, Status, openByClick, openByEnter } from './cells.js';
import { useFocusKept, useWindowed } from './windowed.js';

/** @typedef {import('../api/types.js').Board} Board */
/** @typedef {import('../api/types.js').Row} Row */
/** @typedef {import('../logic/color.js').Theme} Theme */
/** @typedef {import('../logic/sort.js').Sorting} Sorting */
/** @typedef {{category: boolean, price: boolean, listed: boolean}} Columns */

/** @param {{name: string, column: string, by: string, sorting: Sorting, plain?: boolean, children?: any}} props `plain` cannot be clicked. */
function SortHead({ name, column, by, sorting, plain, children }) {
  if (plain) return html`<th scope="col" class=${`c-${name}`}>${column}</th>`;
  const on = sorting.key === by;
  const order = on ? (sorting.direction === 'asc' ? 'ascending' : 'descending') : 'none';
  return html`<th scope="col" class=${`c-${name}`} aria-sort=${order}><span class="heads">
    <button type="button" class="sort" title=${t('sort.by', { column })} onClick=${() => sortBy(by)}>
      <span class="clip">${column}</span>${on && html`<${Icon} name=${sorting.direction === 'asc' ? 'up' : 'down'} />`}
    </button>${children}</span></th>`;
}

/** Badges stand beside the provider and have no column of their own; their head stands beside its head. @param {{sorting: Sorting}} props */
function BadgeSort({ sorting }) {
  const on = sorting.key === 'badgeScore';
  const name = t('sort.by', { column: t('sort.badges') });
  const order = on ? `, ${t(sorting.direction === 'asc' ? 'sort.ascending' : 'sort.descending')}` : '';
  return html`<button type="button" class=${on ? 'sort badge-sort on' : 'sort badge-sort'} title=${name} aria-label=${`${name}${order}`} onClick=${() => sortBy('badgeScore')}>
    ${on && html`<${Icon} name=${sorting.direction === 'asc' ? 'up' : 'down'} />`}<${Icon} name="shield" /></button>`;
}

/** Where the shown time begins and ends. @param {Board} board @param {readonly Row[]} rows @param {boolean} late Whether it ends before now. */
function axis(board, rows, late) {
  const at = board.width < 86_400 ? format().clock : format().day;
  const end = late ? at(loadedAt.peek()) : t('heat.now');
  if (board.raw) return [at(board.start), end];
  for (const row of rows) {
    const first = row.layers[0]?.points[0];
    if (first) return [at(first.at), end];
  }
  return ['', ''];
}

const TableRow = memo(
  /** @param {{row: Row, board: Board, width: number, limit: number, theme: Theme, prefix: string, columns: Columns, index: number, pinned: boolean}} props */
  ({ row, board, width, limit, theme, prefix, columns: shown, index, pinned }) => {
    const blocks = useMemo(() => rowBlocks(board, row, limit), [board, row, limit]);
    return html`<tr class=${pinned ? 'monitor pinned' : 'monitor'} style=${{ height: `${rowHeight(row)}rem` }} aria-rowindex=${index + 2}
      onClick=${(/** @type {MouseEvent} */ event) => openByClick(event, row)} onKeyDown=${(/** @type {KeyboardEvent} */ event) => openByEnter(event, row)}>
      <td class="c-star"><${Star} row=${row} /></td>
      <th scope="row" class="c-provider"><span class="line">${pinned && html`<span class="hidden">${t('pin.label')}: </span>`}<${Provider} row=${row} prefix=${prefix} />${board.badges && html`<${Badges} row=${row} />`}</span></th>
      <td class="c-service"><bdi class="clip" title=${row.serviceLabel}>${row.serviceLabel}</bdi></td>
      <td class="c-channel"><${Channel} row=${row} /></td>
      ${shown.category && html`<td class="c-category"><${Category} category=${row.category} /></td>`}
      ${shown.price && html`<td class="c-price"><${Price} row=${row} /></td>`}
      ${shown.listed && html`<td class="c-listed">${row.listedDays === null ? '–' : t('row.days', { count: format().count(row.listedDays) })}</td>`}
      <td class="c-status"><${Status} row=${row} /></td>
      <td class="c-availability"><${Availability} value=${row.availability} theme=${theme} /></td>
      <td class="c-latency"><${Latency} latency=${row.latency} slowMs=${row.slowMs} status=${row.status} theme=${theme} /></td>
      <td class="c-history"><${Layers} row=${row} blocks=${blocks} width=${width} theme=${theme} /></td>
    </tr>`;
  },
);

/**
 * Room for rows that are not drawn. It is one cell: the style sheet hides columns, and a cell across more of them than
 * are seen would make empty ones.
 * @param {{height: number}} props Pixels.
 */
function Spacer({ height }) {
  return html`<tr class="spacer" aria-hidden="true"><td style=${{ height: `${height}px` }}></td></tr>`;
}

/** @param {{board: Board, rows: readonly Row[], sorting: Sorting, theme: Theme, prefix: string, limit: number, pins: number, whole?: boolean}} props `whole` draws every row. */
export function Table({ board, rows, sorting, theme, prefix, limit, pins, whole }) {
  const head = useRef(/** @type {Element|null} */ (null));
  const body = useRef(/** @type {Element|null} */ (null));
  const width = useWidth(head);
  const size = rem();
  const heights = useMemo(() => rows.map((row) => rowHeight(row) * size), [rows, size]);
  const { first, last, before, after } = useWindowed(heights, body, 1, whole);
  useFocusKept(body);
  const shown = columns.value;
  const late = outdated.value;
  const [start, end] = useMemo(() => axis(board, rows, late), [board, late]);
  return html`<div class="table-box"><table class="monitors" aria-rowcount=${rows.length + 1}>
    <thead><tr aria-rowindex="1">
      <th scope="col" class="c-star"><span class="hidden">${t('favorite.column')}</span></th>
      <${SortHead} name="provider" by="providerName" column=${t('column.provider')} sorting=${sorting} plain=${whole}>
        ${board.badges && html`<${BadgeSort} sorting=${sorting} />`}</${SortHead}>
      <${SortHead} name="service" by="serviceType" column=${t('column.service')} sorting=${sorting} plain=${whole} />
      <${SortHead} name="channel" by="channel" column=${t('column.channel')} sorting=${sorting} plain=${whole} />
      ${shown.category && html`<${SortHead} name="category" by="category" column=${t('column.category')} sorting=${sorting} plain=${whole} />`}
      ${shown.price && html`<${SortHead} name="price" by="priceRatio" column=${t('column.price')} sorting=${sorting} plain=${whole} />`}
      ${shown.listed && html`<${SortHead} name="listed" by="listedDays" column=${t('column.listed')} sorting=${sorting} plain=${whole} />`}
      <${SortHead} name="status" by="currentStatus" column=${t('column.status')} sorting=${sorting} plain=${whole} />
      <${SortHead} name="availability" by="uptime" column=${t('column.availability')} sorting=${sorting} plain=${whole} />
      <${SortHead} name="latency" by="latency" column=${t('column.latency')} sorting=${sorting} plain=${whole} />
      <th scope="col" class="c-history" ref=${head}><span class="hidden">${t('column.history')}</span>
        <span class="axis" aria-hidden="true"><span>${start}</span><span>${end}</span></span></th>
    </tr></thead>
    <tbody ref=${body}>
      ${before > 0 && html`<${Spacer} key="before" height=${before} />`}
      ${rows.slice(first, last).map((row, place) => html`<${TableRow} key=${row.id} row=${row} board=${board} width=${width}
        limit=${limit} theme=${theme} prefix=${prefix} columns=${shown} index=${first + place} pinned=${first + place < pins} />`)}
      ${after > 0 && html`<${Spacer} key="after" height=${after} />`}
    </tbody>
  </table></div>`;
}
