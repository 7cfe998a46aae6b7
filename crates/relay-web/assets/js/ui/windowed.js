/** Draws only the rows of a long list that are near the window, and keeps the focus where it was while they move. */

import { useLayoutEffect, useMemo, useRef, useState } from '../../vendor/preact-hooks.mjs';
import { options } from '../../vendor/preact.mjs';
import { offsets, visibleRange } from '../logic/viewport.js';

/** Up to so many monitors are drawn whole, so that the browser's own search and printing see everything. */
const WHOLE = 120;

/** Tells whether the page is being printed, and draws at once when that changes: the browser does not wait. */
function usePrinting() {
  const [printing, setPrinting] = useState(false);
  useLayoutEffect(() => {
    /** @param {boolean} on */
    const change = (on) => {
      const usual = options.debounceRendering;
      options.debounceRendering = (draw) => draw();
      setPrinting(on);
      options.debounceRendering = usual;
    };
    const [begin, end] = [() => change(true), () => change(false)];
    addEventListener('beforeprint', begin);
    addEventListener('afterprint', end);
    return () => {
      removeEventListener('beforeprint', begin);
      removeEventListener('afterprint', end);
    };
  }, []);
  return printing;
}

/**
 * Gives the focus back to what had it in the list before it was drawn: some browsers take it from an element that
 * moves. What is drawn no more has lost it.
 * @param {{current: Element|null}} list
 */
export function useFocusKept(list) {
  const held = document.activeElement;
  useLayoutEffect(() => {
    if (!(held instanceof HTMLElement) || held === document.activeElement || !list.current?.contains(held)) return;
    held.focus({ preventScroll: true });
  });
}

/**
 * Returns which items to draw and how much room to leave before and after them, in pixels.
 * @param {readonly number[]} heights Pixels of each item.
 * @param {{current: Element|null}} list The element whose top is the first item's top.
 * @param {number} perItem Monitors in one item.
 * @param {boolean} [all] Draws everything, however much.
 */
export function useWindowed(heights, list, perItem, all = false) {
  const starts = useMemo(() => offsets(heights), [heights]);
  const whole = usePrinting() || all || heights.length * perItem <= WHOLE;
  const extra = Math.ceil(8 / perItem);
  const [range, setRange] = useState(() => visibleRange(starts, 0, innerHeight, extra));
  const now = useRef(range);
  useLayoutEffect(() => {
    if (whole) return undefined;
    let frame = 0;
    const update = () => {
      frame = 0;
      const top = -(list.current?.getBoundingClientRect().top ?? 0);
      const next = visibleRange(starts, top, top + innerHeight, extra);
      const [first, last] = now.current;
      const [top0, bottom0] = visibleRange(starts, top, top + innerHeight, 2);
      const enough = first <= top0 && last >= bottom0 && last - first < next[1] - next[0] + 2 * extra;
      if (enough) return;
      now.current = next;
      setRange(next);
    };
    const soon = () => {
      if (frame === 0) frame = requestAnimationFrame(update);
    };
    soon();
    addEventListener('scroll', soon, { passive: true });
    addEventListener('resize', soon);
    return () => {
      cancelAnimationFrame(frame);
      removeEventListener('scroll', soon);
      removeEventListener('resize', soon);
    };
  }, [starts, whole]);
  const total = starts[heights.length];
  if (whole) return { first: 0, last: heights.length, before: 0, after: 0 };
  const last = Math.min(range[1], heights.length);
  const first = Math.max(0, Math.min(range[0], last - (range[1] - range[0])));
  return { first, last, before: starts[first], after: total - starts[last] };
}
