/** Bottom of the page: what the marks mean, how availability is computed, disclaimer, languages, version. */

import { LANGUAGES, t } from '../i18n.js';
import { version } from '../state/page.js';
import { html } from './html.js';
import { Marks } from './method.js';

/** @param {{config: import('../config.js').PageConfig}} props */
export function Footer({ config }) {
  const tail = config.provider ? `/p/${encodeURIComponent(config.provider)}` : '/';
  return html`<footer class="footer">
    <div class="footer-texts">
      <section><h2>${t('footer.dots')}</h2><${Marks} /></section>
      <section><h2>${t('footer.method')}</h2><p>${t('footer.method.text')}</p>
        <p><a class="link" href="#method">${t('method.open')}</a></p></section>
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
