/** Favourites as they are kept in the browser: `{"version":1,"items":[…]}`. */

/** @typedef {import('../api/types.js').Row} Row */

/** Returns the id under which a row is kept. @param {Row} row */
export function favoriteId(row) {
  return `${row.provider.trim().toLowerCase()}-${row.service}-${row.channel || 'default'}`;
}

/** Reads the kept text; anything else than the known form is an empty list. @param {string|null} text @returns {ReadonlySet<string>} */
export function parseFavorites(text) {
  try {
    const kept = JSON.parse(text ?? '');
    if (kept?.version !== 1 || !Array.isArray(kept.items)) return new Set();
    return new Set(kept.items.filter((/** @type {unknown} */ item) => typeof item === 'string'));
  } catch {
    return new Set();
  }
}

/** @param {ReadonlySet<string>} items */
export function formatFavorites(items) {
  return JSON.stringify({ version: 1, items: [...items] });
}

/** Returns the set with the id put in or taken out. @param {ReadonlySet<string>} items @param {string} id @param {boolean} wanted */
export function changed(items, id, wanted) {
  const next = new Set(items);
  if (wanted) next.add(id);
  else next.delete(id);
  return next;
}

/**
 * Drops what the site no longer lists. An empty list of known ids says nothing (older servers), so all stay.
 * @param {ReadonlySet<string>} items
 * @param {readonly string[]} known
 */
export function keepKnown(items, known) {
  if (known.length === 0) return items;
  const listed = new Set(known);
  const kept = [...items].filter((id) => listed.has(id));
  return kept.length === items.size ? items : new Set(kept);
}
