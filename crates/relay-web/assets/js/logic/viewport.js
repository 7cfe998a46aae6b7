/** Which rows of a long list are worth drawing. */

/**
 * Returns where each row starts, with the total at the end.
 * @param {readonly number[]} heights
 */
export function offsets(heights) {
  const result = new Array(heights.length + 1);
  result[0] = 0;
  heights.forEach((height, index) => {
    result[index + 1] = result[index] + height;
  });
  return /** @type {number[]} */ (result);
}

/** Returns how many offsets are at most `value`, less one. @param {readonly number[]} starts @param {number} value */
function rowAt(starts, value) {
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (starts[middle] <= value) low = middle;
    else high = middle - 1;
  }
  return low;
}

/**
 * Returns the half-open range of rows that touch `[top, bottom]`, with `extra` rows more on either side.
 * @param {readonly number[]} starts As from {@link offsets}.
 * @param {number} top
 * @param {number} bottom
 * @param {number} extra
 * @returns {[number, number]}
 */
export function visibleRange(starts, top, bottom, extra) {
  const count = starts.length - 1;
  if (count <= 0) return [0, 0];
  const first = Math.min(count - 1, rowAt(starts, Math.max(0, top)));
  const last = Math.min(count - 1, rowAt(starts, Math.max(0, bottom)));
  return [Math.max(0, first - extra), Math.min(count, last + 1 + extra)];
}
