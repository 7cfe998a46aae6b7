/** What a heat-map block says, shown beside it. */

import { useLayoutEffect, useRef } from '../../vendor/preact-hooks.mjs';
import { format, t } from '../i18n.js';
import { TEXT, availabilityColor, latencyColor } from '../logic/color.js';
import { combine } from '../logic/heatmap.js';
import { statusName } from '../logic/status.js';
import { theme } from '../state/settings.js';
import { html } from './html.js';
import { Dot } from './icons.js';
import { tip } from './tip-state.js';

const MARGIN = 8;

/** @param {import('../api/types.js').Counts} counts */
function Causes({ causes, codes }) {
  const entries = Object.entries(causes).sort((a, b) => b[1] - a[1]);
  if (entries.length === 0) return null;
  return html`<ul class="tip-causes">
    ${entries.map(([cause, count]) => {
      const detail = Object.entries(codes[cause] ?? {});
      return html`<li key=${cause}>
        <span>${t(`cause.${cause}`)}</span><b>${format().count(count)}</b>
        ${detail.length > 0 &&
        html`<small>${detail.map(([code, times]) => (times > 1 ? `${code} × ${format().count(times)}` : code)).join(', ')}</small>`}
      </li>`;
    })}
  </ul>`;
}

/** @param {{block: import('../api/types.js').Block, slowMs: number}} props */
function Figures({ block, slowMs }) {
  const { available, degraded, unavailable } = block.counts;
  const total = available + degraded + unavailable;
  const figures = format();
  const availability = { color: availabilityColor(block.availability, theme.value, TEXT) };
  const latency = { color: latencyColor(block.latency, slowMs, block.status, theme.value) };
  return html`<dl class="tip-figures">
    <dt>${t('heat.availability')}</dt>
    <dd style=${availability}>${figures.availability(block.availability)}</dd>
    <dt>${t('heat.latency')}</dt>
    <dd style=${latency}>${figures.latency(block.latency)}</dd>
    ${total > 1 && html`<dt>${t('heat.probes')}</dt><dd class="tip-counts" aria-label=${t('heat.counts', { green: available, yellow: degraded, red: unavailable })}>
      ${available > 0 && html`<span><${Dot} status=${1} />${figures.count(available)}</span>`}
      ${degraded > 0 && html`<span><${Dot} status=${2} />${figures.count(degraded)}</span>`}
      ${unavailable > 0 && html`<span><${Dot} status=${0} />${figures.count(unavailable)}</span>`}
    </dd>`}
  </dl>`;
}

export function Tooltip() {
  const element = useRef(/** @type {HTMLDivElement|null} */ (null));
  const shown = tip.value;
  useLayoutEffect(() => {
    const node = element.current;
    if (!node || !shown) return;
    const { box } = shown;
    const { offsetWidth: width, offsetHeight: height } = node;
    const room = document.documentElement.clientWidth;
    const left = Math.max(MARGIN, Math.min(room - width - MARGIN, box.left + box.width / 2 - width / 2));
    const above = box.top - height - MARGIN;
    const top = above >= MARGIN ? above : box.top + box.height + MARGIN;
    node.style.transform = `translate(${Math.round(left)}px, ${Math.round(top)}px)`;
  }, [shown]);
  if (!shown) return null;
  const { block, group, model, box, slowMs } = shown;
  const all = group.length > 0 ? combine(group) : block;
  const cursor = { left: `${box.left - 1}px`, top: `${box.top - 1}px`, width: `${box.width + 1}px`, height: `${box.height + 2}px` };
  return html`<div class="tip-cursor" style=${cursor} aria-hidden="true"></div>
    <div class="tip" ref=${element} aria-hidden="true">
      <p class="tip-head"><${Dot} status=${block.status} /><b>${t(`status.${statusName(block.status)}`)}</b>
        ${model && html`<span class="tip-model" dir="auto">${model}</span>`}</p>
      <p class="tip-time">${format().range(block.start, block.end)}</p>
      ${block.availability < 0
        ? html`<p class="tip-none">${t('heat.empty')}</p>`
        : html`<${Figures} block=${block} slowMs=${slowMs} /><${Causes} ...${block.counts} />`}
      ${all !== block && all.availability >= 0 && html`<div class="tip-group"><p>${t('row.models', { count: group.length })}</p><${Figures} block=${all} slowMs=${slowMs} /></div>`}
    </div>`;
}
