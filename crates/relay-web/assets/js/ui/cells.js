/** The parts that table rows and cards share. */

import { format, language, localized, t } from '../i18n.js';
import { TEXT, availabilityColor, latencyColor } from '../logic/color.js';
import { favoriteId } from '../logic/favorites.js';
import { formatPrice, safeUrl } from '../logic/format.js';
import { statusName } from '../logic/status.js';
import { openDetail } from '../state/page.js';
import { favorites, toggleFavorite } from '../state/settings.js';
import { html } from './html.js';
import { Dot, Icon } from './icons.js';
import { Strip } from './strip.js';
import { LAYER_GAP, rem, stripHeight } from './layout.js';

/** @typedef {import('../api/types.js').Block} Block */
/** @typedef {import('../api/types.js').Row} Row */
/** @typedef {import('../logic/color.js').Theme} Theme */

/** What a row is called in sentences. @param {Row} row */
export function rowName(row) {
  return [row.providerLabel, row.serviceLabel, row.channelLabel].filter(Boolean).join(' · ');
}

/** A link that leaves the site. @param {{url: string, label: string, children?: any, class?: string}} props */
export function External({ url, label, children, class: name }) {
  const href = safeUrl(url);
  if (href === '') return null;
  return html`<a class=${name ?? 'external'} href=${href} rel="noopener nofollow" target="_blank" title=${t('row.external', { name: label })} aria-label=${t('row.external', { name: label })}>${children ?? html`<${Icon} name="external" />`}</a>`;
}

/** @param {{row: Row}} props */
export function Star({ row }) {
  const id = favoriteId(row);
  const on = favorites.value.has(id);
  const label = t(on ? 'favorite.remove' : 'favorite.add', { name: rowName(row) });
  return html`<button type="button" class="star" aria-pressed=${on} aria-label=${label} title=${label} onClick=${() => toggleFavorite(id)}>
    <${Icon} name="star" filled=${on} />
  </button>`;
}

/** @param {{row: Row, prefix: string}} props */
export function Provider({ row, prefix }) {
  const hints = [row.providerLabel, row.sponsor && t('row.sponsor', { name: row.sponsor })];
  const name = html`<bdi class="clip" title=${hints.filter(Boolean).join('\n')}>${row.providerLabel}</bdi>`;
  return html`${row.providerSlug
      ? html`<a class="provider" href=${`${prefix}/p/${encodeURIComponent(row.providerSlug)}`}>${name}</a>`
      : html`<span class="provider">${name}</span>`}
    <${External} url=${row.providerUrl} label=${row.providerLabel} />`;
}

/** @param {import('../api/types.js').Badge} badge */
function badgeText(badge) {
  const own = badge.tooltip || localized(badge.hint, language()) || localized(badge.label, language());
  if (own) return own;
  const known = t(`badge.${badge.id}`);
  return known === `badge.${badge.id}` ? badge.id.replaceAll('_', ' ') : known;
}

/** @param {{icon: string, variant: string, text: string, url?: string, filled?: boolean, minor?: boolean}} props */
function Mark({ icon, variant, text, url = '', filled, minor }) {
  const href = safeUrl(url);
  const name = `mark ${variant}${minor ? ' minor' : ''}`;
  const inside = html`<${Icon} name=${icon} filled=${filled} />`;
  if (href !== '') {
    return html`<a class=${name} href=${href} rel="noopener nofollow" target="_blank" title=${text} aria-label=${t('row.external', { name: text })}>${inside}</a>`;
  }
  return html`<span class=${name} role="img" title=${text} aria-label=${text}>${inside}</span>`;
}

/** @type {Record<string, string>} */
const LEVEL_ICON = { basic: 'heart', advanced: 'star', enterprise: 'shield' };
const VARIANTS = ['success', 'warning', 'danger', 'info'];

/** @param {{row: Row}} props */
export function Badges({ row }) {
  const level = row.sponsorLevel;
  return html`<span class="marks">
    ${Object.hasOwn(LEVEL_ICON, level) &&
    html`<${Mark} icon=${LEVEL_ICON[level]} variant=${`level-${level}`} filled=${true} text=${`${t(`badge.level.${level}`)}. ${t(`badge.level.${level}.hint`)}`} url=${row.sponsorUrl} />`}
    ${row.category === 'public' && html`<${Mark} icon="globe" variant="public" text=${t('badge.public')} />`}
    ${row.risks.map((risk) => html`<${Mark} icon="warning" variant="danger" text=${t('badge.risk', { label: risk.label })} url=${risk.url} />`)}
    ${row.badges.map((badge) => {
      const icon = badge.kind === 'source' ? (badge.id === 'api_key_user' ? 'user' : 'shield') : badge.kind === 'info' ? 'info' : 'bolt';
      const variant = VARIANTS.includes(badge.variant) ? badge.variant : 'default';
      return html`<${Mark} key=${badge.id} icon=${icon} variant=${variant} text=${badgeText(badge)} url=${badge.url} minor=${true} />`;
    })}
    ${row.intervalMs > 0 && html`<${Mark} icon="clock" variant="quiet-mark" minor=${true} text=${t('badge.interval', { time: format().interval(row.intervalMs) })} />`}
  </span>`;
}

/** @param {{category: string}} props */
export function Category({ category }) {
  if (category === '') return null;
  const known = t(`category.${category}`);
  return html`<span class=${category === 'public' ? 'tag public' : 'tag'}>${known === `category.${category}` ? category : known}</span>`;
}

/** @param {{row: Row, bare?: boolean}} props `bare` leaves the number of models out. */
export function Channel({ row, bare }) {
  const hints = [row.channelLabel];
  if (row.probeUrl) hints.push(t('row.endpoint', { url: row.probeUrl }));
  if (row.template) hints.push(t('row.template', { name: row.template }));
  if (row.coldReason) hints.push(row.coldReason);
  const models = row.layers.length > 1 ? row.layers.map((layer) => layer.model) : [];
  return html`<button type="button" class="channel" aria-haspopup="dialog" title=${[...hints, ...models].filter(Boolean).join('\n')} onClick=${() => openDetail(row.id)}>
    <span class="hidden">${t('detail.open', { name: rowName(row) })}</span>
    <bdi class="clip" aria-hidden="true">${row.channelLabel || '–'}</bdi>
    ${models.length > 0 && !bare && html`<small aria-hidden="true">${t('row.models', { count: models.length })}</small>`}
  </button>`;
}

/**
 * Opens the detail of a row by a click on anything in it that does nothing by itself.
 * @param {MouseEvent} event
 * @param {Row} row
 */
export function openByClick(event, row) {
  const { target } = event;
  const busy = target instanceof Element && target.closest('a, button, input, .strip') !== null;
  if (!busy && String(getSelection() ?? '') === '') openDetail(row.id);
}

/** Opens it by Enter on a history. @param {KeyboardEvent} event @param {Row} row */
export function openByEnter(event, row) {
  if (event.key === 'Enter' && event.target instanceof Element && event.target.matches('.strip')) openDetail(row.id);
}

/** @param {{row: Row}} props */
export function Status({ row }) {
  const title = row.checkedAt > 0 ? t('row.checked', { time: format().moment(row.checkedAt) }) : undefined;
  return html`<span class=${`state ${statusName(row.status)}`} title=${title}>
    <${Dot} status=${row.status} /><span class="state-word">${t(`status.${statusName(row.status)}`)}</span>
  </span>`;
}

/** @param {{value: number, theme: Theme}} props */
export function Availability({ value, theme }) {
  return html`<span class="number" style=${{ color: availabilityColor(value, theme, TEXT) }}>${format().availability(value)}</span>`;
}

/** @param {{latency: number, slowMs: number, status: number, theme: Theme}} props */
export function Latency({ latency, slowMs, status, theme }) {
  return html`<span class="number" style=${{ color: latencyColor(latency, slowMs, status, theme) }}>${format().latency(latency)}</span>`;
}

/** @param {{row: Row}} props */
export function Price({ row }) {
  const price = formatPrice(row.priceMin, row.priceMax);
  return html`<span class="price" title=${price}>${price || '–'}</span>`;
}

/** @param {{row: Row, blocks: readonly (readonly Block[])[], width: number, theme: Theme, labels?: boolean}} props */
export function Layers({ row, blocks, width, theme, labels }) {
  const many = row.layers.length > 1;
  const height = Math.round(stripHeight(row.layers.length) * rem());
  return html`<div class="layers" style=${{ rowGap: `${LAYER_GAP}rem` }}>
    ${row.layers.map((layer, index) => html`
      ${labels && many && html`<div class="layer-label">
        <${Dot} status=${layer.current.status} /><bdi class="clip" title=${layer.model}>${layer.model}</bdi>
        <${Availability} value=${layer.availability} theme=${theme} />
      </div>`}
      <${Strip} blocks=${blocks[index] ?? []} width=${width} height=${height} theme=${theme}
        name=${rowName(row)} model=${many ? layer.model : ''} slowMs=${row.slowMs} />
    `)}
  </div>`;
}
