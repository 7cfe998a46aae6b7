/** Sizes that the style sheet and the scripts agree on, in rem, and how components learn the room they have. */

import { useLayoutEffect, useState } from '../../vendor/preact-hooks.mjs';

/** @typedef {import('../api/types.js').Row} Row */

export const STRIP = 1.5;
/** Of a table: with the gap, strips are 24 pixels from one to the next, so that a finger or a shaking hand meets the right one. */
const LAYER = 1.3125;
/** Of a card, where their names stand between them. */
const CARD_LAYER = 0.9375;
export const LAYER_GAP = 0.1875;
const ROW = 2.5;
const CARD = 8.5;
/** Its label, less what it shares with the space below it. */
const CARD_LAYER_LABEL = 1.1875;

/** Height of one strip. @param {number} layers @param {boolean} labelled Whether names stand between them. */
export function stripHeight(layers, labelled) {
  return layers <= 1 ? STRIP : labelled ? CARD_LAYER : LAYER;
}

/** Height of a table row. @param {Row} row */
export function rowHeight({ layers }) {
  const count = layers.length;
  return count > 1 ? Math.max(ROW, count * (LAYER + LAYER_GAP) + 0.625) : ROW;
}

/** Height of a card. @param {Row} row */
export function cardHeight({ layers }) {
  const count = layers.length;
  return count > 1 ? CARD - STRIP + count * (CARD_LAYER + 2 * LAYER_GAP + CARD_LAYER_LABEL) : CARD;
}

let pixels = 0;
addEventListener('resize', () => {
  pixels = 0;
});

/** Pixels of one rem. Asked once per window size: the browser would compute styles anew for each question. */
export function rem() {
  pixels ||= parseFloat(getComputedStyle(document.documentElement).fontSize) || 16;
  return pixels;
}

/**
 * Measures the inner width of an element and follows it.
 * @param {{current: Element|null}} ref
 */
export function useWidth(ref) {
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const node = ref.current;
    if (!node) return undefined;
    const measure = () => {
      const style = getComputedStyle(node);
      setWidth(Math.floor(node.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight)));
    };
    const observer = new ResizeObserver(measure);
    observer.observe(node);
    measure();
    return () => observer.disconnect();
  }, []);
  return width;
}
