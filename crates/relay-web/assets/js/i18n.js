/** The page's words in the reader's language. */

import { formatters } from './logic/format.js';

/** @typedef {Record<string, string>} Messages */
/** @typedef {(key: string, values?: Record<string, string|number>) => string} Translate */

/** Languages, their names in themselves and the prefix of their addresses. */
export const LANGUAGES = /** @type {const} */ ([
  { tag: 'zh-CN', name: '简体中文', prefix: '' },
  { tag: 'en', name: 'English', prefix: '/en' },
  { tag: 'ru', name: 'Русский', prefix: '/ru' },
  { tag: 'ja', name: '日本語', prefix: '/ja' },
]);

/**
 * Makes the translator of one language. `{name}` is replaced by `values.name`. A key that exists only with plural
 * endings (`.one`, `.few`, `.many`, `.other`) is chosen by `values.count`.
 * @param {string} lang
 * @param {Messages} messages
 * @returns {Translate}
 */
export function translator(lang, messages) {
  const plurals = new Intl.PluralRules(lang);
  return (key, values = {}) => {
    const plural = `${key}.${plurals.select(Number(values.count ?? 0))}`;
    const message = messages[key] ?? messages[plural] ?? messages[`${key}.other`] ?? key;
    return message.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
  };
}

/** @type {{t: Translate, format: import('./logic/format.js').Formatters, lang: string}} */
const current = { t: translator('en', {}), format: formatters('en'), lang: 'en' };

/** Sets the language of the page; done once, before anything is drawn. @param {string} lang @param {Messages} messages */
export function setLanguage(lang, messages) {
  current.t = translator(lang, messages);
  current.format = formatters(lang);
  current.lang = lang;
}

/** @type {Translate} */
export const t = (key, values) => current.t(key, values);

/** Returns the formatters of the page's language. */
export const format = () => current.format;

/** Returns the page's language tag. */
export const language = () => current.lang;

/**
 * Picks the text for the page's language out of what an operator configured: a text, or a map by language.
 * @param {unknown} value
 * @param {string} lang
 */
export function localized(value, lang) {
  if (typeof value === 'string') return value;
  if (typeof value !== 'object' || value === null) return '';
  const map = /** @type {Record<string, unknown>} */ (value);
  const short = lang.split('-')[0];
  const found = map[lang] ?? map[short] ?? map.en ?? Object.values(map)[0];
  return typeof found === 'string' ? found : '';
}
