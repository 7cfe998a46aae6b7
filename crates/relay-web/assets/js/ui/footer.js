/** Bottom of the page: what the marks mean, how availability is computed, disclaimer, languages, version. */

import { LANGUAGES, t } from '../i18n.js';
import { version } from '../state/page.js';
import { html } from './html.js';
import { Dot } from './icons.js';

/** @param {{config: import('../config.js').PageConfig}} props */
export function Footer({ config }) {
  /** @type {[number, string][]} */
  const marks = [[1, 'green'], [2, 'yellow'], [0, 'red'], [-1, 'missing']];
  const tail = config.provider ? `/p/${encodeURIComponent(config.provider)}` : '/';
  return html`<footer class="footer">
    <div class="footer-texts">
      <section><h2>${t('footer.dots')}</h2><dl class="legend">
        ${marks.map(([status, name]) => html`<div key=${name}><dt><${Dot} status=${status} />${t(`status.${name}`)}</dt><dd>${t(`footer.dots.${name}`)}</dd></div>`)}
      </dl></section>
      <section><h2>${t('footer.method')}</h2><p>${t('footer.method.text')}</p></section>
      <section><h2>${t('footer.disclaimer')}</h2><p>${t('footer.disclaimer.text')}</p></section>
    </div>
    ${config.footerNote && html`<p class="footer-note" dir="auto">${config.footerNote}</p>`}
    <div class="footer-line">
      <span>Relay Pulse${version.value && ` · ${t('footer.version', { version: version.value })}`}</span>
      <nav aria-label=${t('language')}>${LANGUAGES.map(({ tag, name, prefix }) => html`<a key=${tag} href=${`${prefix}${tail}`} hreflang=${tag} lang=${tag}
        aria-current=${tag === config.lang ? 'page' : undefined}>${name}</a>`)}</nav>
    </div>
  </footer>`;
}
