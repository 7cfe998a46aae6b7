/** One monitor in detail. */

import { useState } from '../../vendor/preact-hooks.mjs';
import { format, t } from '../i18n.js';
import { mean, phases } from '../logic/chart.js';
import { formatPrice, safeUrl } from '../logic/format.js';
import { statusName } from '../logic/status.js';
import { PERIODS } from '../logic/url-state.js';
import { board, closeDetail, detailRow, go, url } from '../state/page.js';
import { useDetail } from '../state/detail.js';
import { theme } from '../state/settings.js';
import { Availability, BadgeWords, Category, External, Latency, rowName } from './cells.js';
import { AvailabilityChart, LatencyChart, momentText, shownLimit } from './charts.js';
import { Dialog } from './dialog.js';
import { html } from './html.js';
import { Dot, Icon } from './icons.js';
import { Segments } from './segments.js';
import { reason } from './states.js';

/** @typedef {import('../api/types.js').Detail} DetailData */
/** @typedef {import('../api/types.js').DetailPoint} DetailPoint */
/** @typedef {import('../api/types.js').HistoryRecord} HistoryRecord */
/** @typedef {import('../api/types.js').Row} Row */

/** @param {number|null} ms */
const latencyText = (ms) => format().latency(ms ?? 0);

/** @param {{row: Row, data: DetailData|null}} props */
function Figures({ row, data }) {
  const first = data && mean(data.points.map((point) => point.first));
  /** @type {[string, any][]} */
  const figures = [
    [t('column.availability'), html`<${Availability} value=${data ? data.availability : row.availability} theme=${theme.value} />`],
    [t('chart.p50'), data && latencyText(data.p50)],
    [t('chart.p95'), data && latencyText(data.p95)],
    [t('chart.p99'), data && latencyText(data.p99)],
    [t('chart.first'), data && latencyText(first)],
  ];
  return html`<dl class="figures">${figures.map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${value ?? '…'}</dd></div>`)}</dl>`;
}

/** @param {{row: Row, data: DetailData|null}} props */
function Facts({ row, data }) {
  const price = formatPrice(row.priceMin, row.priceMax);
  /** @type {[string, any][]} */
  const all = [
    [t('detail.endpoint'), row.probeUrl && html`<code dir="ltr">${row.probeUrl}</code>`],
    [t('detail.template'), row.template && html`<code>${row.template}</code>`],
    [t('detail.interval'), row.intervalMs > 0 && format().interval(row.intervalMs)],
    [t('detail.limit'), (data?.slowMs || row.slowMs) > 0 && latencyText(data?.slowMs || row.slowMs)],
    [t('column.price'), price],
    [t('column.category'), row.category && html`<${Category} category=${row.category} />`],
    [t('column.listed'), row.listedDays !== null && t('row.days', { count: format().count(row.listedDays) })],
    [t('detail.sponsor'), row.sponsor && (safeUrl(row.sponsorUrl) === '' ? row.sponsor
      : html`<${External} class="link" url=${row.sponsorUrl} label=${row.sponsor}>${row.sponsor}<${Icon} name="external" /></${External}>`)],
    [t('detail.retired'), row.board === 'cold' && row.coldReason],
  ];
  return html`<dl class="facts">${all.filter(([, value]) => value).map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd dir="auto">${value}</dd></div>`)}</dl>`;
}

/** @param {{names: readonly [string, string][], point: DetailPoint|undefined, data: DetailData, write: (point: DetailPoint) => readonly string[], limit?: number}} props */
function Legend({ names, point, data, write, limit = 0 }) {
  const values = point ? write(point) : [];
  return html`<p class="chart-legend"><span class="chart-time">${point ? momentText(data, point) : ''}</span>
    ${names.map(([key, name], index) => html`<span key=${key} class="chart-key"><i class=${`key ${key}`} aria-hidden="true"></i>${name}${values[index] && html` <b>${values[index]}</b>`}</span>`)}
    ${limit > 0 && html`<span class="chart-key"><i class="key limit" aria-hidden="true"></i>${t('detail.limit')} ${latencyText(limit)}</span>`}</p>`;
}

/** @param {{data: DetailData}} props */
function Charts({ data }) {
  const [cursor, look] = useState(-1);
  const place = Math.min(cursor, data.points.length - 1);
  const point = data.points[place];
  const shared = { detail: data, cursor: place, look, theme: theme.value };
  const hasFirst = data.points.some(({ first }) => first !== null);
  /** @type {[string, string][]} */
  const names = data.raw ? [['p50', t('chart.single')]] : [['p50', t('chart.p50')], ['p95', t('chart.p95')]];
  if (hasFirst) names.push(['first', t('chart.first')]);
  return html`<section><h3>${t('chart.latency')}</h3>
      <${Legend} names=${names} point=${point} data=${data} limit=${shownLimit(data)}
        write=${(/** @type {DetailPoint} */ one) => (data.raw ? [one.p50, one.first] : [one.p50, one.p95, one.first]).map(latencyText)} />
      <${LatencyChart} ...${shared} /></section>
    <section><h3>${t('chart.availability')}</h3>
      <${Legend} names=${[['share', t('column.availability')]]} point=${point} data=${data} write=${(/** @type {DetailPoint} */ one) => [format().availability(one.availability)]} />
      <${AvailabilityChart} ...${shared} /></section>`;
}

/** @param {{data: DetailData}} props */
function Phases({ data }) {
  const green = data.points.filter(({ total }) => total !== null);
  /** @param {(point: DetailPoint) => number|null} read */
  const average = (read) => mean(green.map(read));
  const parts = phases({
    dns: average(({ dns }) => dns), connect: average(({ connect }) => connect), tls: average(({ tls }) => tls),
    latency: average(({ latency }) => (latency > 0 ? latency : null)),
    first: average(({ first }) => first), total: average(({ total }) => total),
  });
  const sum = parts.reduce((all, { ms }) => all + ms, 0);
  return html`<section><h3>${t('phase.title')}</h3>
    ${parts.length === 0 ? html`<p class="muted">${t('phase.none')}</p>` : html`
      <div class="phases" aria-hidden="true">${parts.map(({ name, ms }) => html`<i key=${name} class=${`phase ${name}`} style=${{ flexGrow: ms / sum }}></i>`)}</div>
      <dl class="phase-list">${parts.map(({ name, ms }) => html`<div key=${name}><dt><i class=${`key phase ${name}`} aria-hidden="true"></i>${t(`phase.${name}`)}</dt><dd>${latencyText(Math.max(1, ms))}</dd></div>`)}</dl>`}
  </section>`;
}

/** @param {HistoryRecord} record */
function why({ cause, code, reason: words }) {
  if (cause === '') return words;
  const known = t(`cause.${cause}`);
  const named = known === `cause.${cause}` ? words || cause.replaceAll('_', ' ') : known;
  return code > 0 && !named.includes(String(code)) ? `${named} · HTTP ${code}` : named;
}

/** @param {{row: Row, records: readonly HistoryRecord[]|null, next: string, failed: boolean, loadOlder: () => void}} props */
function Records({ row, records, next, failed, loadOlder }) {
  if (records === null) return null;
  return html`<section><h3>${t('records.title')}</h3>
    ${records.length === 0 ? html`<p class="muted">${t('heat.empty')}</p>` : html`<table class="records">
      <thead><tr><th scope="col">${t('records.time')}</th><th scope="col">${t('column.status')}</th>
        <th scope="col" class="right">${t('column.latency')}</th><th scope="col" class="right wide-only">${t('chart.first')}</th><th scope="col">${t('records.reason')}</th></tr></thead>
      <tbody>${records.map((record) => html`<tr key=${record.id}>
        <td class="number">${format().moment(record.at)}</td>
        <td><span class=${`state ${statusName(record.status)}`}><${Dot} status=${record.status} /><span class="state-word">${t(`status.${statusName(record.status)}`)}</span></span></td>
        <td class="right"><${Latency} latency=${record.latency} slowMs=${row.slowMs} status=${record.status} theme=${theme.value} /></td>
        <td class="right number wide-only">${latencyText(record.first)}</td>
        <td dir="auto" class="why">${why(record)}${record.detail && html`<small>${record.detail}</small>`}</td></tr>`)}</tbody></table>`}
    ${failed && html`<p class="muted" role="status">${t('records.failed')}</p>`}
    ${next && html`<button type="button" class="control more" onClick=${loadOlder}>${t('records.older')}</button>`}
  </section>`;
}

/** @param {{row: Row}} props */
function Inside({ row }) {
  const models = row.layers.map(({ model }) => model);
  const model = models.includes(url.value.model) ? url.value.model : models[0] ?? '';
  const { timeline, error, records, next, loadOlder, failed, retry } = useDetail(row, model);
  const data = timeline.data;
  const { status, at } = row.layers.find((layer) => layer.model === model)?.current ?? { status: row.status, at: row.checkedAt };
  return html`
    <div class="detail-bar"><span class=${`state ${statusName(status)}`}><${Dot} status=${status} /><span class="state-word">${t(`status.${statusName(status)}`)}</span></span>
      <span class="muted">${at > 0 ? t('row.checked', { time: format().moment(at) }) : ''}</span></div>
    ${board.value?.badges && html`<${BadgeWords} row=${row} />`}
    <div class="detail-choices">
      <${Segments} name="detail-period" label=${t('period.label')} value=${url.value.period} pick=${(/** @type {string} */ period) => go({ period })}
        options=${PERIODS.map((period) => ({ value: period, text: t(`period.${period}`) }))} />
      ${models.length > 1 && html`<${Segments} name="model" label=${t('detail.model')} value=${model} wrap=${true}
        options=${row.layers.map((layer) => ({ value: layer.model, text: layer.model, status: layer.current.status }))} pick=${(/** @type {string} */ value) => go({ model: value })} />`}
    </div>
    <${Figures} row=${row} data=${data} />
    ${error && html`<p class="banner warn" role="alert"><span>${t('detail.failed', { reason: reason(error) })}</span>
      <button type="button" class="quiet" onClick=${retry}>${t('state.error.retry')}</button></p>`}
    ${data ? data.points.length > 0 ? html`<${Charts} data=${data} /><${Phases} data=${data} />` : html`<p class="muted">${t('heat.empty')}</p>`
      : !error && html`<div class="chart-bone" role="status"><span class="hidden">${t('state.loading')}</span></div>`}
    <${Facts} row=${row} data=${data} />
    <${Records} row=${row} records=${records} next=${next} failed=${failed} loadOlder=${loadOlder} />`;
}

/** The open detail, if any. */
export function DetailView() {
  const row = detailRow.value;
  if (row === null || board.value === null) return null;
  if (row === undefined) {
    return html`<${Dialog} id="detail" title=${t('detail.gone.title')} close=${closeDetail}><p>${t('detail.gone.text')}</p></${Dialog}>`;
  }
  return html`<${Dialog} id="detail" title=${html`<bdi>${rowName(row)}</bdi>`} close=${closeDetail}><${Inside} key=${row.id} row=${row} /></${Dialog}>`;
}
