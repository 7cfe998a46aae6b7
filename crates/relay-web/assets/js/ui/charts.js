/**
 * The charts of the detail, in SVG. All share one time axis and one cursor, which pointers and arrow keys move; to
 * assistive technology a chart is a read-only slider whose value says the moment under the cursor, as a heat-map is.
 */

import { useRef } from '../../vendor/preact-hooks.mjs';
import { format, t } from '../i18n.js';
import { availabilityColor } from '../logic/color.js';
import { bandPath, dotPath, linePath, nearest, scale, ticks } from '../logic/chart.js';
import { html } from './html.js';
import { useWidth } from './layout.js';

/** @typedef {import('../api/types.js').Detail} Detail */
/** @typedef {import('../api/types.js').DetailPoint} DetailPoint */
/** @typedef {import('../logic/color.js').Theme} Theme */

/** Room for the numbers beside the axis and below it, in pixels. */
const LEFT = 52;
const BOTTOM = 20;
const TOP = 8;
const RIGHT = 8;

/** Where a point stands: buckets in their middle. @param {Detail} detail @param {DetailPoint} point */
function momentOf(detail, point) {
  return point.at + widthOf(detail) / 2;
}

/** Seconds of one bucket, 0 for single probes. @param {Detail} detail */
function widthOf({ raw, points, start, end }) {
  if (raw) return 0;
  return points.length > 1 ? points[1].at - points[0].at : end - start;
}

/** @param {Detail} detail @param {DetailPoint} point */
export function momentText(detail, point) {
  return format().range(point.at, point.at + widthOf(detail));
}

/**
 * @typedef {object} ChartProps
 * @property {Detail} detail
 * @property {number} cursor Place of the point looked at, -1 for none.
 * @property {(place: number) => void} look
 * @property {Theme} theme
 */

/** @param {Detail} detail @param {(at: number) => number} x @param {number} width */
function timeMarks(detail, x, width) {
  const count = Math.max(2, Math.min(6, Math.floor(width / 110)));
  const days = detail.end - detail.start > 2 * 86_400;
  return Array.from({ length: count }, (_, index) => {
    const at = detail.start + ((detail.end - detail.start) * index) / (count - 1);
    const anchor = index === 0 ? 'start' : index === count - 1 ? 'end' : 'middle';
    return { x: x(at), text: days ? format().day(at) : format().clock(at), anchor };
  });
}

/**
 * The frame of a chart: grid, axes, cursor and its keys.
 * @param {ChartProps & {height: number, label: string, values: readonly number[], write: (value: number) => string,
 *   say: (point: DetailPoint) => string, draw: (x: (at: number) => number, y: (value: number) => number, step: number) => any}} props
 */
function Chart({ detail, cursor, look, height, label, values, write, say, draw }) {
  const host = useRef(/** @type {HTMLElement|null} */ (null));
  const width = useWidth(host);
  const { points, start, end } = detail;
  const last = points.length - 1;
  const x = scale(start, end, LEFT, Math.max(LEFT + 1, width - RIGHT));
  const y = scale(values[0], values[values.length - 1], height - BOTTOM, TOP);
  const step = widthOf(detail) * ((width - LEFT - RIGHT) / Math.max(1, end - start));
  /** @param {PointerEvent} event */
  const point = (event) => {
    const left = host.current?.getBoundingClientRect().left ?? 0;
    const share = (event.clientX - left - LEFT) / Math.max(1, width - LEFT - RIGHT);
    look(nearest(points, start + share * (end - start) - widthOf(detail) / 2));
  };
  /** @param {KeyboardEvent} event */
  const press = (event) => {
    const now = cursor < 0 ? last : cursor;
    /** @type {Record<string, number>} */
    const moves = { ArrowLeft: now - 1, ArrowDown: now - 1, ArrowRight: now + 1, ArrowUp: now + 1,
      PageUp: now + 10, PageDown: now - 10, Home: 0, End: last };
    if (!Object.hasOwn(moves, event.key)) return;
    event.preventDefault();
    look(Math.max(0, Math.min(last, moves[event.key])));
  };
  const shown = points[cursor < 0 ? last : cursor];
  return html`<div class="chart" ref=${host} role="slider" tabindex="0" aria-readonly="true" aria-label=${label} aria-valuemin="0"
    aria-valuemax=${Math.max(0, last)} aria-valuenow=${Math.max(0, cursor < 0 ? last : cursor)}
    aria-valuetext=${shown ? `${momentText(detail, shown)}, ${say(shown)}` : t('status.missing')}
    onPointerMove=${point} onPointerDown=${point} onPointerLeave=${() => look(-1)} onKeyDown=${press} onBlur=${() => look(-1)}>
    ${width > 0 && html`<svg width=${width} height=${height} viewBox=${`0 0 ${width} ${height}`} aria-hidden="true" focusable="false">
      ${values.map((value) => html`<g key=${value}><line class="grid" x1=${LEFT} x2=${width - RIGHT} y1=${y(value)} y2=${y(value)} />
        <text x=${LEFT - 8} y=${y(value) + 4} text-anchor="end">${write(value)}</text></g>`)}
      ${timeMarks(detail, x, width).map((mark) => html`<text key=${mark.x} x=${mark.x} y=${height - 4} text-anchor=${mark.anchor}>${mark.text}</text>`)}
      ${draw(x, y, step)}
      ${cursor >= 0 && points[cursor] && html`<line class="cursor" x1=${x(momentOf(detail, points[cursor]))} x2=${x(momentOf(detail, points[cursor]))} y1=${TOP} y2=${height - BOTTOM} />`}
    </svg>`}
  </div>`;
}

/** @param {DetailPoint} point */
function latencyWords(point) {
  const { latency } = format();
  const parts = [['chart.p50', point.p50], ['chart.p95', point.p95], ['chart.first', point.first]]
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `${t(String(name))} ${latency(Number(value))}`);
  return parts.length > 0 ? parts.join(', ') : t('status.missing');
}

/** @param {Detail} detail */
const highestOf = ({ points }) => points.reduce((most, { p50, p95, first }) => Math.max(most, p50 ?? 0, p95 ?? 0, first ?? 0), 0);

/** Returns the slow limit in milliseconds where it is drawn, else 0: it is worth its room only where latencies come near it. @param {Detail} detail */
export function shownLimit(detail) {
  return detail.slowMs <= highestOf(detail) * 2 ? detail.slowMs : 0;
}

/** Latency: the median and the 95th percentile with the band between them, the first token, the slow limit. @param {ChartProps} props */
export function LatencyChart(props) {
  const { detail } = props;
  const { points } = detail;
  const [highest, limit] = [highestOf(detail), shownLimit(detail)];
  if (highest === 0) return html`<p class="muted chart-empty">${t('chart.none')}</p>`;
  const values = ticks(Math.max(highest, limit), 4);
  /** @param {'p50'|'p95'|'first'} name */
  const samples = (name) => points.map((point) => ({ at: momentOf(detail, point), value: point[name] }));
  return html`<${Chart} ...${props} height=${200} label=${t('chart.latency')} values=${values} write=${(/** @type {number} */ value) => (value === 0 ? '0' : format().latency(value))}
    say=${latencyWords}
    draw=${(/** @type {(at: number) => number} */ x, /** @type {(value: number) => number} */ y) => html`
      ${limit > 0 && html`<line class="limit" x1=${LEFT} x2=${x(detail.end)} y1=${y(limit)} y2=${y(limit)} />`}
      ${!detail.raw && html`<path class="band" d=${bandPath(samples('p95'), samples('p50'), x, y)} /><path class="line p95" d=${linePath(samples('p95'), x, y)} />`}
      <path class="line first" d=${linePath(samples('first'), x, y)} /><path class="dots first" d=${dotPath(samples('first'), x, y)} />
      <path class="line p50" d=${linePath(samples('p50'), x, y)} />
      ${points.filter(({ status }) => detail.raw && status === 0).map((point) => html`<rect key=${point.at} class="outage" x=${x(point.at) - 2} y=${y(0) - 8} width="4" height="8" />`)}`} />`;
}

/** Availability of each bucket, as bars that are read from the line of 100 %. @param {ChartProps} props */
export function AvailabilityChart(props) {
  const { detail, theme } = props;
  const { points } = detail;
  return html`<${Chart} ...${props} height=${120} label=${t('chart.availability')} values=${[0, 50, 100]} write=${(/** @type {number} */ value) => `${value} %`}
    say=${(/** @type {DetailPoint} */ point) => format().availability(point.availability)}
    draw=${(/** @type {(at: number) => number} */ x, /** @type {(value: number) => number} */ y, /** @type {number} */ step) => {
      const wide = Math.max(1.5, (step || (x(detail.end) - x(detail.start)) / Math.max(1, points.length)) - 1.5);
      return points.filter(({ availability }) => availability >= 0).map((point) => {
        const top = Math.min(y(point.availability), y(0) - 3);
        return html`<rect key=${point.at} x=${x(momentOf(detail, point)) - wide / 2} y=${top} width=${wide} height=${y(0) - top} rx="1" fill=${availabilityColor(point.availability, theme)} />`;
      });
    }} />`;
}
