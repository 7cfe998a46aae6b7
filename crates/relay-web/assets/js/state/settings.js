/** What the reader chose and the browser keeps. Without storage everything works for the visit. */

import { computed, effect, signal } from '../../vendor/signals.mjs';
import { changed, formatFavorites, keepKnown, parseFavorites } from '../logic/favorites.js';

const FAVORITES = 'relay-pulse-favorites';
const THEME = 'relay-pulse-theme';
const AUTO_REFRESH = 'relay-pulse-auto-refresh';
const ALIGN = 'relay-pulse-align';

/** @param {string} key */
function read(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

/** @param {string} key @param {string} value */
function write(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    return;
  }
}

export const THEMES = /** @type {const} */ (['system', 'light', 'dark']);
/** @typedef {typeof THEMES[number]} ThemeChoice */

const systemDark = matchMedia('(prefers-color-scheme: dark)');
const systemIsDark = signal(systemDark.matches);
systemDark.addEventListener('change', (event) => {
  systemIsDark.value = event.matches;
});

export const themeChoice = signal(/** @type {ThemeChoice} */ (THEMES.find((name) => name === read(THEME)) ?? 'system'));

/** Pictures for notifications are dark, whatever the browser that takes them prefers. */
const picture = new URLSearchParams(location.search).get('screenshot') === '1';

/** The theme in force. */
export const theme = computed(() => {
  if (picture) return 'dark';
  if (themeChoice.value !== 'system') return themeChoice.value;
  return systemIsDark.value ? 'dark' : 'light';
});

/** @param {ThemeChoice} choice */
export function chooseTheme(choice) {
  themeChoice.value = choice;
  write(THEME, choice);
}

effect(() => {
  document.documentElement.dataset.theme = theme.value;
});

export const autoRefresh = signal(read(AUTO_REFRESH) !== 'off');

/** @param {boolean} on */
export function setAutoRefresh(on) {
  autoRefresh.value = on;
  write(AUTO_REFRESH, on ? 'on' : 'off');
}

/** Whether the 24 hours are cut at full hours. */
export const alignHours = signal(read(ALIGN) === 'hour');

/** @param {boolean} on */
export function setAlignHours(on) {
  alignHours.value = on;
  write(ALIGN, on ? 'hour' : '');
}

export const favorites = signal(parseFavorites(read(FAVORITES)));

// Another tab changed them, or everything that is kept was cleared.
addEventListener('storage', ({ key }) => {
  if (key === FAVORITES || key === null) favorites.value = parseFavorites(read(FAVORITES));
});

/** What is kept now: another tab may have changed it since this one read it. Without storage, what this visit chose. */
function keptFavorites() {
  const text = read(FAVORITES);
  return text === null ? favorites.peek() : parseFavorites(text);
}

/** Puts a favourite in or out, whichever is the opposite of what is shown. @param {string} id */
export function toggleFavorite(id) {
  favorites.value = changed(keptFavorites(), id, !favorites.peek().has(id));
  write(FAVORITES, formatFavorites(favorites.value));
}

/** Forgets favourites that the site no longer lists. @param {readonly string[]} known */
export function pruneFavorites(known) {
  const before = keptFavorites();
  const kept = keepKnown(before, known);
  if (kept === before) return;
  favorites.value = kept;
  write(FAVORITES, formatFavorites(kept));
}
