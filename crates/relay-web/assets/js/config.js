/** What the server wrote into the page about itself. */

/**
 * @typedef {object} PageConfig
 * @property {string} lang
 * @property {string} prefix Address prefix of the language, such as `/en`, empty for the default one.
 * @property {string} title Title of the site.
 * @property {string} provider Slug of the provider whose page this is, empty on the main page.
 * @property {string} providerName
 * @property {boolean} demo
 * @property {boolean} missing Whether this address has no page.
 * @property {string} footerNote
 * @property {string} subscribeUrl
 */

/** @param {HTMLElement} root @returns {PageConfig} */
export function readConfig(root) {
  const { lang, prefix, title, provider, providerName, demo, missing, footerNote, subscribeUrl } = root.dataset;
  return {
    lang: lang ?? 'en',
    prefix: prefix ?? '',
    title: title ?? 'Relay Pulse',
    provider: provider ?? '',
    providerName: providerName ?? '',
    demo: demo === 'true',
    missing: missing === 'true',
    footerNote: footerNote ?? '',
    subscribeUrl: subscribeUrl ?? '',
  };
}
