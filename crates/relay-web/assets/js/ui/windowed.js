/** Draws only the rows of a long list that are near the window. */

import { useLayoutEffect, useMemo, useRef, useState } from '../../vendor/preact-hooks.mjs';
import { offsets, visibleRange } from '../logic/viewport.js';

/** Lists up to this length are drawn whole, so that the browser's own search and printing see everything. */
const WHOLE = 120;
const EXTRA = 8;

/**
 * Returns which items to draw and how much room to leave before and after them, in pixels.
 * @param {readonly number[]} heights Pixels of each item.
 * @param {{current: Element|null}} list The element whose top is the first item's top.
 */
export function useWindowed(heights, list) {
  const starts = useMemo(() => offsets(heights), [heights]);
  const whole = heights.length <= WHOLE;
  const [range, setRange] = useState(/** @type {[number, number]} */ ([0, 40]));
  const now = useRef(range);
  useLayoutEffect(() => {
    if (whole) return undefined;
    let frame = 0;
    const update = () => {
      frame = 0;
      const top = -(list.current?.getBoundingClientRect().top ?? 0);
      const next = visibleRange(starts, top, top + innerHeight, EXTRA);
      const [first, last] = now.current;
      const [top0, bottom0] = visibleRange(starts, top, top + innerHeight, 2);
      const enough = first <= top0 && last >= bottom0 && last - first < next[1] - next[0] + 2 * EXTRA;
      if (enough) return;
      now.current = next;
      setRange(next);
    };
    const soon = () => {
      if (frame === 0) frame = requestAnimationFrame(update);
    };
    update();
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
  const first = Math.min(range[0], heights.length);
  const last = Math.min(range[1], heights.length);
  return { first, last, before: starts[first], after: total - starts[last] };
}
