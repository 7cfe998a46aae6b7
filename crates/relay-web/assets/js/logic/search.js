/** Searching and filtering rows. Choices of different filters narrow each other. */

/** @typedef {import('../api/types.js').Row} Row */
/** @typedef {'provider'|'service'|'channel'|'category'} Facet */
/** @typedef {Record<Facet, readonly string[]>} Choices Values in lower case; an empty list lets everything pass. */
/** @typedef {{value: string, label: string, count: number, chosen: boolean}} Option */

/** @type {readonly Facet[]} */
export const FACETS = ['provider', 'service', 'channel', 'category'];

/** @param {Row} row @param {Facet} facet @returns {string} */
function valueOf(row, facet) {
  return row[facet].trim().toLowerCase();
}

/** @param {Row} row @param {Facet} facet @returns {string} */
function labelOf(row, facet) {
  if (facet === 'provider') return row.providerLabel;
  if (facet === 'service') return row.serviceLabel;
  return facet === 'channel' ? row.channelLabel : row.category;
}

/** @param {Row} row @param {Facet} facet @param {readonly string[]} chosen */
function passes(row, facet, chosen) {
  if (chosen.length === 0) return true;
  if (chosen.includes(valueOf(row, facet))) return true;
  return facet === 'provider' && row.providerSlug !== '' && chosen.includes(row.providerSlug);
}

/** Tells whether every word occurs somewhere in the row. @param {Row} row @param {readonly string[]} words */
function says(row, words) {
  return words.every((word) => row.text.includes(word));
}

/** @param {string} query */
function wordsOf(query) {
  return query.toLowerCase().split(/\s+/).filter(Boolean);
}

/**
 * Returns the rows that pass all filters and hold all words of the search, in their order.
 * @param {readonly Row[]} rows
 * @param {Choices} choices
 * @param {string} query
 */
export function filterRows(rows, choices, query) {
  const words = wordsOf(query);
  return rows.filter((row) => says(row, words) && FACETS.every((facet) => passes(row, facet, choices[facet])));
}

/**
 * Returns what can be chosen for each filter. A count says how many rows would be left with that value alone, given
 * the search and the other filters. Chosen values stay listed even when nothing has them any more.
 * @param {readonly Row[]} rows
 * @param {Choices} choices
 * @param {string} query
 * @returns {Record<Facet, Option[]>}
 */
export function facetOptions(rows, choices, query) {
  const words = wordsOf(query);
  const found = rows.filter((row) => says(row, words));
  /** @param {Facet} facet */
  const optionsOf = (facet) => {
    const others = FACETS.filter((other) => other !== facet);
    /** @type {Map<string, Option>} */
    const options = new Map();
    for (const row of rows) {
      const value = valueOf(row, facet);
      if (value === '' || options.has(value)) continue;
      const chosen =
        choices[facet].includes(value) || (facet === 'provider' && choices.provider.includes(row.providerSlug));
      options.set(value, { value, label: labelOf(row, facet), count: 0, chosen });
    }
    for (const row of found) {
      const option = options.get(valueOf(row, facet));
      if (option && others.every((other) => passes(row, other, choices[other]))) option.count += 1;
    }
    for (const value of choices[facet]) {
      const known = options.has(value) || rows.some((row) => facet === 'provider' && row.providerSlug === value);
      if (!known) options.set(value, { value, label: value, count: 0, chosen: true });
    }
    return [...options.values()].sort((a, b) => a.label.localeCompare(b.label));
  };
  return {
    provider: optionsOf('provider'),
    service: optionsOf('service'),
    channel: optionsOf('channel'),
    category: optionsOf('category'),
  };
}

/** How many rows have which status. @param {readonly Row[]} rows */
export function summarize(rows) {
  const summary = { total: rows.length, green: 0, yellow: 0, red: 0, missing: 0 };
  for (const row of rows) {
    if (row.status === 1) summary.green += 1;
    else if (row.status === 2) summary.yellow += 1;
    else if (row.status === 0) summary.red += 1;
    else summary.missing += 1;
  }
  return summary;
}
