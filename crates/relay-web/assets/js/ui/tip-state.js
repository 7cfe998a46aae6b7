/** Which heat-map block the reader looks at: at most one on the whole page. */

import { signal } from '../../vendor/signals.mjs';

/** @typedef {import('../api/types.js').Block} Block */
/**
 * @typedef {object} Tip
 * @property {object} owner The strip that shows it.
 * @property {Block} block
 * @property {readonly Block[]} group The blocks of all models at that time, empty when there is only one.
 * @property {string} model Empty when there is only one.
 * @property {number} slowMs
 * @property {{left: number, top: number, width: number, height: number}} box Where the block is, in the window.
 */

export const tip = signal(/** @type {Tip|null} */ (null));

/** Takes the tip away, if it is the owner's. @param {object} [owner] */
export function hideTip(owner) {
  if (tip.peek() !== null && (owner === undefined || tip.peek()?.owner === owner)) tip.value = null;
}

addEventListener('scroll', () => hideTip(), { passive: true, capture: true });
addEventListener('resize', () => hideTip());
document.addEventListener('pointerdown', (event) => {
  if (!(event.target instanceof Element) || event.target.closest('.strip') === null) hideTip();
});
