/** What the status numbers mean. */

export const RED = 0;
export const GREEN = 1;
export const YELLOW = 2;
export const MISSING = -1;

/** How bad a status is: red, yellow, green, missing. @param {number} status */
function severity(status) {
  return status === RED ? 3 : status === YELLOW ? 2 : status === GREEN ? 1 : 0;
}

/** Returns the worse of two. @param {number} a @param {number} b */
export function worst(a, b) {
  return severity(b) > severity(a) ? b : a;
}

/** Reads a status as sent; everything unknown is missing. @param {unknown} value */
export function statusOf(value) {
  return value === RED || value === GREEN || value === YELLOW ? value : MISSING;
}

/** Returns the word for texts and class names. @param {number} status */
export function statusName(status) {
  return status === RED ? 'red' : status === GREEN ? 'green' : status === YELLOW ? 'yellow' : 'missing';
}
