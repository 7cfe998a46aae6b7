/** The daily time filter: readers think in local time, the API takes half hours of UTC. */

const DAY = 24 * 60;

/** Ranges offered, local time. */
export const TIME_PRESETS = ['00:00-06:00', '06:00-12:00', '09:00-18:00', '12:00-18:00', '18:00-24:00'];

/** Tells whether a text is a time of day as `HH:MM`. @param {string} text */
export function isTime(text) {
  return /^([01]\d|2[0-3]):[0-5]\d$/.test(text);
}

/** @param {string} text @returns {[number, number]} */
function minutes(text) {
  const [h0, m0, h1, m1] = text.split(/[:-]/).map(Number);
  return [h0 * 60 + m0, h1 * 60 + m1];
}

/** @param {number} value @param {boolean} end Whether midnight is written as 24:00. */
function time(value, end) {
  const inside = ((value % DAY) + DAY) % DAY;
  if (end && inside === 0) return '24:00';
  return `${String(Math.floor(inside / 60)).padStart(2, '0')}:${String(inside % 60).padStart(2, '0')}`;
}

/**
 * Turns a local range into UTC, widened to half hours where the zone needs it.
 * @param {string} local `HH:MM-HH:MM`
 * @param {number} offset Minutes the zone is ahead of UTC.
 */
export function utcFilter(local, offset) {
  const [start, end] = minutes(local);
  const [from, to] = [start - offset, end - offset];
  const [low, high] = [Math.floor(from / 30) * 30, Math.ceil(to / 30) * 30];
  return { utc: `${time(low, false)}-${time(high, true)}`, rounded: low !== from || high !== to };
}

/** Turns a UTC range into local time. @param {string} utc @param {number} offset */
export function localFilter(utc, offset) {
  const [start, end] = minutes(utc);
  return `${time(start + offset, false)}-${time(end + offset, true)}`;
}
