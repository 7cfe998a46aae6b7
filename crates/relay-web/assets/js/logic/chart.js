/** The arithmetic of the charts: scales, ticks and lines, from numbers to SVG path texts. */

/** @typedef {{at: number, value: number|null}} Sample `null` breaks the line. */

/** Steps between ticks that people can count in. */
const STEPS = [1, 2, 5, 10];

/**
 * Returns round values from 0 to at least `highest`, at most `count` steps.
 * @param {number} highest
 * @param {number} count
 */
export function ticks(highest, count) {
  if (!(highest > 0) || !Number.isFinite(highest)) return [0, 1];
  const rough = highest / count;
  const unit = 10 ** Math.floor(Math.log10(rough));
  const step = (STEPS.find((factor) => factor * unit >= rough * (1 - 1e-9)) ?? 10) * unit;
  const steps = Math.ceil(highest / step - 1e-9);
  return Array.from({ length: steps + 1 }, (_, index) => index * step);
}

/**
 * Returns the function that maps `[from, to]` to `[low, high]`, without leaving it.
 * @param {number} from
 * @param {number} to
 * @param {number} low
 * @param {number} high
 */
export function scale(from, to, low, high) {
  const span = to - from;
  /** @param {number} value */
  return (value) => low + (span > 0 ? Math.min(1, Math.max(0, (value - from) / span)) : 0.5) * (high - low);
}

/** @param {number} value */
const short = (value) => Math.round(value * 10) / 10;

/**
 * Writes a line through all samples that have a value. A sample between two without any becomes a dot, which a round
 * line cap draws.
 * @param {readonly Sample[]} samples
 * @param {(at: number) => number} x
 * @param {(value: number) => number} y
 */
export function linePath(samples, x, y) {
  let path = '';
  let open = false;
  samples.forEach(({ at, value }, index) => {
    if (value === null) {
      open = false;
      return;
    }
    const place = `${short(x(at))} ${short(y(value))}`;
    const alone = !open && (samples[index + 1]?.value ?? null) === null;
    path += open ? `L${place}` : alone ? `M${place}h0` : `M${place}`;
    open = true;
  });
  return path;
}

/**
 * Writes a dot for each sample that stands alone, for lines that are not drawn through: a dash would hide it.
 * @param {readonly Sample[]} samples
 * @param {(at: number) => number} x
 * @param {(value: number) => number} y
 */
export function dotPath(samples, x, y) {
  const known = (/** @type {number} */ index) => (samples[index]?.value ?? null) !== null;
  return samples.map(({ at, value }, index) =>
    (value === null || known(index - 1) || known(index + 1) ? '' : `M${short(x(at))} ${short(y(value))}h0`)).join('');
}

/**
 * Writes the area between two lines over the same moments; where one of them has no value there is none.
 * @param {readonly Sample[]} upper
 * @param {readonly Sample[]} lower
 * @param {(at: number) => number} x
 * @param {(value: number) => number} y
 */
export function bandPath(upper, lower, x, y) {
  let path = '';
  /** @type {string[]} */
  let there = [];
  /** @type {string[]} */
  let back = [];
  const close = () => {
    if (there.length > 1) path += `M${there.join('L')}L${back.reverse().join('L')}Z`;
    there = [];
    back = [];
  };
  upper.forEach(({ at, value }, index) => {
    const other = lower[index]?.value ?? null;
    if (value === null || other === null) {
      close();
      return;
    }
    there.push(`${short(x(at))} ${short(y(value))}`);
    back.push(`${short(x(at))} ${short(y(other))}`);
  });
  close();
  return path;
}

/**
 * Returns the place of the moment nearest to `at`, -1 when there is none.
 * @param {readonly {at: number}[]} points Oldest first.
 * @param {number} at
 */
export function nearest(points, at) {
  let low = 0;
  let high = points.length - 1;
  if (high < 0) return -1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (points[middle].at < at) low = middle + 1;
    else high = middle;
  }
  return low > 0 && at - points[low - 1].at <= points[low].at - at ? low - 1 : low;
}

/** @typedef {{name: string, ms: number}} Phase */

/**
 * Splits the time of a probe into what follows one another. The latency is the time until the answer begins, counted
 * from the start, so it holds the phases before it.
 * @param {{dns: number|null, connect: number|null, tls: number|null, latency: number|null, first: number|null, total: number|null}} times
 *   Milliseconds.
 * @returns {Phase[]} In order, those without any time left out.
 */
export function phases({ dns, connect, tls, latency, first, total }) {
  const set = (dns ?? 0) + (connect ?? 0) + (tls ?? 0);
  const begun = Math.max(set, latency ?? 0);
  const spoke = Math.max(begun, first ?? begun);
  const parts = [
    { name: 'dns', ms: dns ?? 0 },
    { name: 'connect', ms: connect ?? 0 },
    { name: 'tls', ms: tls ?? 0 },
    { name: 'wait', ms: latency === null ? 0 : begun - set },
    { name: 'first', ms: spoke - begun },
    { name: 'rest', ms: total === null ? 0 : Math.max(0, total - spoke) },
  ];
  return parts.filter(({ ms }) => ms > 0);
}

/** Mean of what is known, `null` when nothing is. @param {readonly (number|null)[]} values */
export function mean(values) {
  let [sum, count] = [0, 0];
  for (const value of values) {
    if (value === null) continue;
    sum += value;
    count += 1;
  }
  return count === 0 ? null : sum / count;
}
