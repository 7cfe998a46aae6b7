/** The parts that table rows and cards share. */

import { format, language, localized, t } from '../i18n.js';
import { TEXT, availabilityColor, latencyColor } from '../logic/color.js';
import { favoriteId } from '../logic/favorites.js';
import { formatPrice, safeUrl } from '../logic/format.js';
import { statusName } from '../logic/status.js';
import { openDetail, provider as ownProvider, url } from '../state/page.js';
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

/** The way to the page of a provider, unless this is it. @param {{row: Row, prefix: string}} props */
export function Provider({ row, prefix }) {
  const hints = [row.providerLabel, row.sponsor && t('row.sponsor', { name: row.sponsor })];
  const name = html`<bdi class="clip" title=${hints.filter(Boolean).join('\n')}>${row.providerLabel}</bdi>`;
  return html`${row.providerSlug && row.providerSlug !== ownProvider.value
      ? html`<a class="provider" href=${`${prefix}/p/${encodeURIComponent(row.providerSlug)}${url.value.embed ? '?embed=1' : ''}`}>${name}</a>`
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

/**
 * @typedef {object} Sign One badge as it is drawn.
 * @property {string} icon
 * @property {string} variant
 * @property {string} text
 * @property {string} [name] What it is called where the whole text is too long.
 * @property {string} url Empty when it leads nowhere.
 * @property {boolean} [filled]
 * @property {boolean} [minor] Whether it may be left out where there is no room.
 */

/** @type {Record<string, string>} */
const LEVEL_ICON = { basic: 'heart', advanced: 'star', enterprise: 'shield' };
const VARIANTS = ['success', 'warning', 'danger', 'info'];

/** What is worth a sign about a row, most important first. @param {Row} row @returns {Sign[]} */
function signsOf(row) {
  const { sponsorLevel: level, category, risks, badges, intervalMs } = row;
  /** @type {Sign[]} */
  const signs = [];
  if (Object.hasOwn(LEVEL_ICON, level)) {
    signs.push({ icon: LEVEL_ICON[level], variant: `level-${level}`, filled: true, url: row.sponsorUrl,
      name: t(`badge.level.${level}`), text: `${t(`badge.level.${level}`)}. ${t(`badge.level.${level}.hint`)}` });
  }
  if (category === 'public') signs.push({ icon: 'globe', variant: 'public', text: t('badge.public'), url: '' });
  for (const risk of risks) signs.push({ icon: 'warning', variant: 'danger', text: t('badge.risk', { label: risk.label }), url: risk.url });
  for (const badge of badges) {
    const icon = badge.kind === 'source' ? (badge.id === 'api_key_user' ? 'user' : 'shield') : badge.kind === 'info' ? 'info' : 'bolt';
    const variant = VARIANTS.includes(badge.variant) ? badge.variant : 'default';
    signs.push({ icon, variant, text: badgeText(badge), url: badge.url, minor: true });
  }
  if (intervalMs > 0) {
    signs.push({ icon: 'clock', variant: 'quiet-mark', minor: true, url: '', text: t('badge.interval', { time: format().interval(intervalMs) }) });
  }
  return signs;
}

/** @param {Sign} props */
function Mark({ icon, variant, text, url, filled, minor }) {
  const href = safeUrl(url);
  const name = `mark ${variant}${minor ? ' minor' : ''}`;
  const inside = html`<${Icon} name=${icon} filled=${filled} />`;
  if (href !== '') {
    return html`<a class=${name} href=${href} rel="noopener nofollow" target="_blank" title=${text} aria-label=${t('row.external', { name: text })}>${inside}</a>`;
  }
  return html`<span class=${name} role="img" title=${text} aria-label=${text}>${inside}</span>`;
}

/** @param {{row: Row}} props */
export function Badges({ row }) {
  return html`<span class="marks">${signsOf(row).map((sign, index) => html`<${Mark} key=${index} ...${sign} />`)}</span>`;
}

/** The badges with their words, where a tooltip cannot be had: on a touch screen, by keyboard. @param {{row: Row}} props */
export function BadgeWords({ row }) {
  const signs = signsOf(row).filter(({ icon }) => icon !== 'clock');
  if (signs.length === 0) return null;
  return html`<ul class="badge-words">${signs.map(({ icon, variant, text, name = text, url, filled }, index) => html`<li key=${index} title=${text}>
    <span class=${`mark ${variant}`}><${Icon} name=${icon} filled=${filled} /></span>
    ${safeUrl(url) === '' ? html`<span dir="auto">${name}</span>` : html`<${External} class="link" url=${url} label=${name}><span dir="auto">${name}</span><${Icon} name="external" /></${External}>`}</li>`)}</ul>`;
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

/** The middle stands out, the range is there for those who ask. @param {{row: Row}} props */
export function Price({ row }) {
  const price = formatPrice(row.priceMin, row.priceMax);
  const at = price.indexOf(' / ');
  const [middle, range] = at < 0 ? [price, ''] : [price.slice(0, at), price.slice(at)];
  return html`<span class="price" title=${price}>${middle === '' ? '–' : html`<b>${middle}</b>`}${range}</span>`;
}

/** @type {readonly (readonly Block[])[]} */
const NO_GROUP = [];

/** @param {{row: Row, blocks: readonly (readonly Block[])[], width: number, theme: Theme, labels?: boolean}} props */
export function Layers({ row, blocks, width, theme, labels }) {
  const many = row.layers.length > 1;
  const height = Math.round(stripHeight(row.layers.length, labels === true) * rem());
  return html`<div class="layers" style=${{ rowGap: `${LAYER_GAP}rem` }}>
    ${row.layers.map((layer, index) => html`
      ${labels && many && html`<div class="layer-label">
        <${Dot} status=${layer.current.status} /><bdi class="clip" title=${layer.model}>${layer.model}</bdi>
        <${Availability} value=${layer.availability} theme=${theme} />
      </div>`}
      <${Strip} blocks=${blocks[index] ?? []} group=${many ? blocks : NO_GROUP} width=${width} height=${height} theme=${theme}
        name=${rowName(row)} model=${many ? layer.model : ''} slowMs=${row.slowMs} />
    `)}
  </div>`;
}
