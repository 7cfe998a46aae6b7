/** Numbers and times as people read them, in their language. */

/** @param {number} value Rounded down, so that 99.996 never reads as 100. @param {number} digits */
function floorTo(value, digits) {
  const unit = 10 ** digits;
  return Math.floor(value * unit + 1e-9) / unit;
}

/**
 * Makes the formatters of one language. Times are local unless `timeZone` says otherwise.
 * @param {string} lang
 * @param {string} [timeZone]
 */
export function formatters(lang, timeZone) {
  const zone = timeZone ? { timeZone } : {};
  const percent = new Intl.NumberFormat(lang, { style: 'percent', minimumFractionDigits: 2, maximumFractionDigits: 2 });
  const whole = new Intl.NumberFormat(lang, { style: 'percent' });
  const count = new Intl.NumberFormat(lang);
  /** @param {number} digits */
  const fixed = (digits) => new Intl.NumberFormat(lang, { minimumFractionDigits: digits, maximumFractionDigits: digits });
  const [hundredths, tenths] = [fixed(2), fixed(1)];
  const units = lang === 'ru' ? { ms: 'мс', s: 'с' } : { ms: 'ms', s: 's' };
  /** @param {string} unit */
  const measure = (unit) => new Intl.NumberFormat(lang, { style: 'unit', unit, unitDisplay: 'short' });
  const [minutes, seconds] = [measure('minute'), measure('second')];
  const clock = new Intl.DateTimeFormat(lang, { ...zone, hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
  const exact = new Intl.DateTimeFormat(lang, {
    ...zone, hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23',
  });
  const day = new Intl.DateTimeFormat(lang, { ...zone, day: 'numeric', month: 'short' });
  const dayTime = new Intl.DateTimeFormat(lang, {
    ...zone, day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit', hourCycle: 'h23',
  });
  const full = new Intl.DateTimeFormat(lang, {
    ...zone, day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23',
  });

  /** @param {Intl.DateTimeFormat} format @param {number} at Unix seconds. */
  const write = (format, at) => {
    const date = new Date(at * 1000);
    return Number.isNaN(date.getTime()) ? '–' : format.format(date);
  };

  return {
    /** @param {number} value Percent; negative means no data. */
    availability(value) {
      if (!(value >= 0)) return '–';
      if (value >= 100) return whole.format(1);
      return percent.format(floorTo(value, 2) / 100);
    },
    /** @param {number} ms 0 means unknown. */
    latency(ms) {
      if (!(ms > 0)) return '–';
      if (ms < 1000) return `${count.format(Math.round(ms))} ${units.ms}`;
      return `${ms < 9995 ? hundredths.format(ms / 1000) : tenths.format(ms / 1000)} ${units.s}`;
    },
    /** @param {number} ms Time between two probes. */
    interval(ms) {
      return ms >= 60_000 && ms % 60_000 === 0 ? minutes.format(ms / 60_000) : seconds.format(ms / 1000);
    },
    /** @param {number} value */
    count: (value) => count.format(value),
    /** @param {number} at Unix seconds. */
    clock: (at) => write(clock, at),
    /** @param {number} at Unix seconds. */
    exact: (at) => write(exact, at),
    /** @param {number} at Unix seconds. */
    moment: (at) => write(full, at),
    /** @param {number} at Unix seconds. */
    day: (at) => write(day, at),
    /** Writes a half-open range, or a moment when it has no length. @param {number} start @param {number} end */
    range(start, end) {
      if (end <= start) return write(full, start);
      if (write(day, start) === write(day, end)) return `${write(dayTime, start)} – ${write(clock, end)}`;
      return `${write(dayTime, start)} – ${write(dayTime, end)}`;
    },
  };
}

/** @typedef {ReturnType<typeof formatters>} Formatters */

/** At most three decimals, no trailing zeros. @param {number} value */
function short(value) {
  return String(Math.round(value * 1000) / 1000);
}

/**
 * Writes a price factor: one number, `middle / low~high`, `low~` or `≤high`; empty when unknown.
 * @param {number|null} low
 * @param {number|null} high
 */
export function formatPrice(low, high) {
  if (low === null && high === null) return '';
  if (high === null) return `${short(low ?? 0)}~`;
  if (low === null) return `≤${short(high)}`;
  return low === high ? short(low) : `${short((low + high) / 2)} / ${short(low)}~${short(high)}`;
}

/** Returns `url` when it is safe to link to, else an empty string. @param {string} url */
export function safeUrl(url) {
  return /^https?:\/\/[^\s/]/i.test(url) ? url : '';
}
