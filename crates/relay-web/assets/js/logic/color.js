/**
 * Colours of availability and latency: pure functions from numbers to `#rrggbb`.
 *
 * Anchors are mixed in OKLab, so that the way from red over yellow to green has no muddy middle. Fills keep at least
 * 3:1 and text at least 4.5:1 contrast against the surfaces of their theme; a test measures it.
 */

/** @typedef {'light'|'dark'} Theme */
/** @typedef {{red: string, yellow: string, green: string, none: string}} Palette */

/** Heat-map blocks and dots. @type {Record<Theme, Palette>} */
export const FILL = {
  light: { red: '#d63a34', yellow: '#c08504', green: '#2c9a5f', none: '#c6ccd4' },
  dark: { red: '#f0605a', yellow: '#dda63a', green: '#3fae74', none: '#39424e' },
};

/** Numbers and words. @type {Record<Theme, Palette>} */
export const TEXT = {
  light: { red: '#b4231d', yellow: '#825900', green: '#17683d', none: '#5b6472' },
  dark: { red: '#ff8f88', yellow: '#e8b85a', green: '#5fd096', none: '#98a3b1' },
};

/** @param {string} hex @returns {[number, number, number]} Linear light, 0–1. */
function linear(hex) {
  /** @param {number} at */
  const channel = (at) => {
    const value = parseInt(hex.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  };
  return [channel(1), channel(3), channel(5)];
}

/** @param {string} hex @returns {[number, number, number]} OKLab, after Björn Ottosson's definition. */
function toOklab(hex) {
  const [r, g, b] = linear(hex);
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}

/** @param {readonly number[]} lab @returns {string} */
function fromOklab([L, a, b]) {
  const l = (L + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (L - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (L - 0.0894841775 * a - 1.291485548 * b) ** 3;
  const channels = [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ];
  return `#${channels
    .map((value) => {
      const bounded = Math.min(1, Math.max(0, value));
      const encoded = bounded <= 0.0031308 ? bounded * 12.92 : 1.055 * bounded ** (1 / 2.4) - 0.055;
      return Math.round(encoded * 255)
        .toString(16)
        .padStart(2, '0');
    })
    .join('')}`;
}

/**
 * Mixes two colours; `share` is the second one's part, 0–1.
 * @param {string} first
 * @param {string} second
 * @param {number} share
 * @returns {string}
 */
export function mix(first, second, share) {
  if (share <= 0) return first;
  if (share >= 1) return second;
  const [a, b] = [toOklab(first), toOklab(second)];
  return fromOklab(a.map((value, index) => value + (b[index] - value) * share));
}

/** @type {Map<string, string>} */
const known = new Map();

/** @param {string} key @param {() => string} make */
function remember(key, make) {
  let color = known.get(key);
  if (color === undefined) {
    color = make();
    known.set(key, color);
  }
  return color;
}

/**
 * Returns the colour of an availability in percent: red at 0, yellow at 60, green at 100, grey when missing. Steps of
 * half a percent, so that few colours exist.
 * @param {number} availability
 * @param {Theme} theme
 * @param {Record<Theme, Palette>} [palettes]
 */
export function availabilityColor(availability, theme, palettes = FILL) {
  const palette = palettes[theme];
  if (!(availability >= 0)) return palette.none;
  const step = Math.round(Math.min(100, availability) * 2) / 2;
  return remember(`${palette.red}${theme}a${step}`, () =>
    step < 60 ? mix(palette.red, palette.yellow, step / 60) : mix(palette.yellow, palette.green, (step - 60) / 40),
  );
}

/**
 * Returns the colour of a latency, relative to the monitor's own slow latency: green below 30 %, to yellow at 100 %,
 * to red at 200 %. Red probes and unknown latencies are grey: their number says nothing about speed.
 * @param {number} latency Milliseconds.
 * @param {number} slow Milliseconds.
 * @param {number} status
 * @param {Theme} theme
 * @param {Record<Theme, Palette>} [palettes]
 */
export function latencyColor(latency, slow, status, theme, palettes = TEXT) {
  const palette = palettes[theme];
  if (!(latency > 0) || !(slow > 0) || status === 0 || status === -1) return palette.none;
  const part = latency / slow;
  if (part < 0.3) return palette.green;
  if (part > 2) return palette.red;
  const step = Math.round(part * 50) / 50;
  return remember(`${palette.red}${theme}l${step}`, () =>
    step <= 1 ? mix(palette.green, palette.yellow, (step - 0.3) / 0.7) : mix(palette.yellow, palette.red, step - 1),
  );
}

/**
 * Returns the contrast of two colours as WCAG 2 defines it, 1–21.
 * @param {string} first
 * @param {string} second
 */
export function contrast(first, second) {
  const [light, dark] = [first, second]
    .map((hex) => {
      const [r, g, b] = linear(hex);
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    })
    .sort((a, b) => b - a);
  return (light + 0.05) / (dark + 0.05);
}
