/** Icons: 16 × 16, drawn with the text's colour, never read aloud. */

import { html } from './html.js';
import { statusName } from '../logic/status.js';

/** @type {Record<string, string>} */
const STROKES = {
  refresh: 'M13.5 8a5.5 5.5 0 1 1-1.6-3.9M13.5 1.8v3h-3',
  table: 'M2 3.5h12M2 8h12M2 12.5h12',
  grid: 'M2.5 2.5h4.5v4.5h-4.5zM9 2.5h4.5v4.5H9zM2.5 9h4.5v4.5h-4.5zM9 9h4.5v4.5H9z',
  search: 'M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10zM14 14l-3.4-3.4',
  chevron: 'M4 6l4 4 4-4',
  close: 'M4 4l8 8M12 4l-8 8',
  external: 'M6.5 3.5h-3v9h9v-3M9.5 3.5h3v3M12.5 3.5l-5 5',
  up: 'M8 12.5v-9M4.5 7L8 3.5 11.5 7',
  down: 'M8 3.5v9M4.5 9L8 12.5 11.5 9',
  filter: 'M2 3.5h12M4.5 8h7M6.5 12.5h3',
  warning: 'M8 2.2L14.5 13.5h-13zM8 6.5v3.2M8 11.6v.1',
  clock: 'M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM8 5v3.2l2 1.3',
  info: 'M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM8 7.3v3.6M8 5v.1',
  user: 'M8 8a2.8 2.8 0 1 0 0-5.6A2.8 2.8 0 0 0 8 8zM2.8 13.6c.6-2.6 2.6-3.8 5.2-3.8s4.6 1.2 5.2 3.8',
  shield: 'M8 1.8l5 1.8v4c0 3.2-2 5.4-5 6.6-3-1.2-5-3.4-5-6.6v-4zM5.8 8l1.6 1.6 2.9-3.1',
  bolt: 'M9 1.8L3.5 9H8l-1 5.2L12.5 7H8z',
  star: 'M8 1.9l1.9 3.9 4.3.6-3.1 3 .7 4.3L8 11.7l-3.8 2 .7-4.3-3.1-3 4.3-.6z',
  heart: 'M8 13.6S2.2 10.3 2.2 6.3A3.1 3.1 0 0 1 8 4.7a3.1 3.1 0 0 1 5.8 1.6c0 4-5.8 7.3-5.8 7.3z',
  bell: 'M4 11.5V7a4 4 0 1 1 8 0v4.5l1 1H3zM6.7 14.2h2.6',
  flame: 'M8 14.2c-2.7 0-4.5-1.7-4.5-4.2 0-3 2.7-4 2.7-7.2 2.3.7 3.3 2.7 3.2 4.4.8-.3 1.2-.9 1.3-1.7 1.2 1.2 1.8 2.7 1.8 4.3 0 2.7-1.8 4.4-4.5 4.4z',
  snow: 'M8 1.8v12.4M2.6 4.9l10.8 6.2M13.4 4.9L2.6 11.1',
  globe: 'M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM2.2 8h11.6M8 2c2 2 2.6 4 2.6 6S10 12 8 14c-2-2-2.6-4-2.6-6S6 4 8 2z',
  moon: 'M13.5 9.6A5.8 5.8 0 1 1 6.4 2.5a4.6 4.6 0 0 0 7.1 7.1z',
  sun: 'M8 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM8 1.5v1M8 13.5v1M1.5 8h1M13.5 8h1M3.4 3.4l.7.7M11.9 11.9l.7.7M3.4 12.6l.7-.7M11.9 4.1l.7-.7',
};

/** @param {{name: string, filled?: boolean, sign?: boolean}} props `sign` stands for its control where there is no room. */
export function Icon({ name, filled, sign }) {
  return html`<svg class=${`icon${filled ? ' filled' : ''}${sign ? ' sign' : ''}`} viewBox="0 0 16 16" aria-hidden="true" focusable="false">
    <path d=${STROKES[name] ?? STROKES.info} />
  </svg>`;
}

/**
 * The mark of a status. Each has its own shape, so that it can be told without its colour: a disc, a half disc, a
 * crossed square, a ring.
 * @param {{status: number}} props
 */
export function Dot({ status }) {
  const name = statusName(status);
  return html`<svg class=${`dot ${name}`} viewBox="0 0 12 12" aria-hidden="true" focusable="false">
    ${name === 'green' && html`<circle cx="6" cy="6" r="5" />`}
    ${name === 'yellow' && html`<circle class="ring" cx="6" cy="6" r="4.2" /><path d="M6 1a5 5 0 0 0 0 10z" />`}
    ${name === 'red' &&
    html`<rect x="0.8" y="0.8" width="10.4" height="10.4" rx="2" /><path class="cut" d="M3.8 3.8l4.4 4.4M8.2 3.8l-4.4 4.4" />`}
    ${name === 'missing' && html`<circle class="ring" cx="6" cy="6" r="4.2" />`}
  </svg>`;
}

/** The site's sign. */
export function Logo() {
  return html`<svg class="logo" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
    <rect x="1" y="1" width="30" height="30" rx="8" />
    <path d="M5.5 17h5l2.8-8 5 14 2.7-6h5.5" />
  </svg>`;
}
