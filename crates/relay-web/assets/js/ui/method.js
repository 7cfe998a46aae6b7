/** How the page measures, in detail: behind the footer, and at `#method`. */

import { signal } from '../../vendor/signals.mjs';
import { t } from '../i18n.js';
import { availabilityColor } from '../logic/color.js';
import { theme } from '../state/settings.js';
import { Dialog } from './dialog.js';
import { html } from './html.js';
import { Dot } from './icons.js';

const HASH = '#method';
const open = signal(location.hash === HASH);
addEventListener('hashchange', () => {
  open.value = location.hash === HASH;
});

function close() {
  history.replaceState(history.state, '', `${location.pathname}${location.search}`);
  open.value = false;
}

/** What each mark means. */
export function Marks() {
  /** @type {[number, string][]} */
  const marks = [[1, 'green'], [2, 'yellow'], [0, 'red'], [-1, 'missing']];
  return html`<dl class="legend">${marks.map(([status, name]) => html`<div key=${name}>
    <dt><${Dot} status=${status} />${t(`status.${name}`)}</dt><dd>${t(`footer.dots.${name}`)}</dd></div>`)}</dl>`;
}

/** Colours of availability, in steps of five percent. */
function Scale() {
  return html`<div class="scale" role="img" aria-label=${t('method.scale')}>
    ${Array.from({ length: 21 }, (_, index) => html`<i key=${index} style=${{ background: availabilityColor(index * 5, theme.value) }}></i>`)}
  </div><p class="scale-ends" aria-hidden="true"><span>0 %</span><span>60 %</span><span>100 %</span></p>`;
}

export function Method() {
  if (!open.value) return null;
  /** @param {string} name */
  const part = (name) => html`<section key=${name}><h3>${t(`method.${name}.title`)}</h3><p>${t(`method.${name}.text`)}</p></section>`;
  return html`<${Dialog} id="method" title=${t('method.title')} close=${close}>
    ${part('probe')}
    <section><h3>${t('footer.dots')}</h3><${Marks} /></section>
    ${part('heat')}<${Scale} />
    ${part('availability')}${part('latency')}${part('sponsor')}
  </${Dialog}>`;
}
