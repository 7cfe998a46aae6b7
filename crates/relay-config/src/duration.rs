//! Spans of time as Go writes them: `300ms`, `1m30s`, `1.5h`.

use std::{fmt::Write as _, time::Duration};

/// Nanoseconds of each unit, longest spelling of a prefix first.
const UNITS: [(&str, u128); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// The longest span Go can hold, in nanoseconds: about 292 years.
const MAX_NANOS: u128 = i64::MAX as u128;

/// Why a text is no span of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Error {
    #[error("a duration needs a unit, such as 30s, 5m or 1h30m")]
    NoUnit,
    #[error("not a duration; write for example 300ms, 30s, 1m30s or 1.5h")]
    Malformed,
    #[error("a duration cannot be negative")]
    Negative,
    #[error("a duration this long cannot be kept")]
    TooLong,
}

/// Reads a span in Go's syntax. Zero is fine here; parts below a nanosecond are cut off.
pub(crate) fn parse(text: &str) -> Result<Duration, Error> {
    let unsigned = text.strip_prefix('+').unwrap_or(text);
    if let Some(rest) = unsigned.strip_prefix('-') {
        parse(rest)?;
        return Err(Error::Negative);
    }
    if unsigned == "0" {
        return Ok(Duration::ZERO);
    }
    if unsigned.is_empty() {
        return Err(Error::Malformed);
    }
    let (mut rest, mut total) = (unsigned, 0_u128);
    while !rest.is_empty() {
        let (nanos, after) = one_part(rest)?;
        total = total.saturating_add(nanos);
        if total > MAX_NANOS {
            return Err(Error::TooLong);
        }
        rest = after;
    }
    Ok(Duration::from_nanos(u64::try_from(total).unwrap_or(u64::MAX)))
}

/// Reads one number with its unit and returns its nanoseconds and what follows.
fn one_part(text: &str) -> Result<(u128, &str), Error> {
    let whole_len = text.bytes().take_while(u8::is_ascii_digit).count();
    let (whole, rest) = text.split_at(whole_len);
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(after) => after.split_at(after.bytes().take_while(u8::is_ascii_digit).count()),
        None => ("", rest),
    };
    if whole.is_empty() && fraction.is_empty() {
        return Err(Error::Malformed);
    }
    if rest.is_empty() {
        return Err(Error::NoUnit);
    }
    let unit_len = rest.bytes().take_while(|b| *b != b'.' && !b.is_ascii_digit()).count();
    let (unit, rest) = rest.split_at(unit_len);
    let (_, scale) = UNITS.iter().find(|(name, _)| *name == unit).ok_or(Error::Malformed)?;
    let whole: u128 = match whole {
        "" => 0,
        digits if digits.trim_start_matches('0').len() > 19 => return Err(Error::TooLong),
        digits => digits.parse().map_err(|_| Error::Malformed)?,
    };
    let mut nanos = whole.saturating_mul(*scale);
    let mut place = *scale;
    for digit in fraction.bytes() {
        // Each digit is scaled on its own: exact for all units, since 60 and 3600 seconds divide by the early places.
        place /= 10;
        nanos += u128::from(digit - b'0') * place;
    }
    Ok((nanos, rest))
}

/// Writes a span the way [`parse`] reads it, shortest form first: `90s` becomes `1m30s`, `1500ms` becomes `1.5s`.
pub(crate) fn format(span: Duration) -> String {
    let nanos = span.as_nanos();
    if nanos == 0 {
        return "0s".to_owned();
    }
    if nanos < 1_000_000_000 {
        let (unit, scale) = match nanos {
            0..1_000 => ("ns", 1),
            1_000..1_000_000 => ("us", 1_000),
            _ => ("ms", 1_000_000),
        };
        return format!("{}{unit}", decimal(nanos, scale));
    }
    let (hours, rest) = (nanos / 3_600_000_000_000, nanos % 3_600_000_000_000);
    let (minutes, rest) = (rest / 60_000_000_000, rest % 60_000_000_000);
    let mut text = String::new();
    // Writing to a String cannot fail.
    if hours > 0 {
        let _ = write!(text, "{hours}h");
    }
    if minutes > 0 {
        let _ = write!(text, "{minutes}m");
    }
    if rest > 0 {
        let _ = write!(text, "{}s", decimal(rest, 1_000_000_000));
    }
    text
}

/// Writes `value / scale` with as many decimals as it needs; `scale` is a power of ten.
fn decimal(value: u128, scale: u128) -> String {
    let (whole, fraction) = (value / scale, value % scale);
    if fraction == 0 {
        return whole.to_string();
    }
    let width = scale.ilog10() as usize;
    format!("{whole}.{fraction:0width$}").trim_end_matches('0').to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_what_go_reads() {
        for (text, millis) in [
            ("300ms", 300),
            ("30s", 30_000),
            ("1m30s", 90_000),
            ("1h", 3_600_000),
            ("1.5h", 5_400_000),
            (".5s", 500),
            ("1.s", 1_000),
            ("+2s", 2_000),
            ("1h1h", 7_200_000),
            ("30s1m", 90_000),
            ("0", 0),
            ("0s", 0),
            ("2500us", 2),
            ("2500µs", 2),
            ("2500μs", 2),
        ] {
            assert_eq!(parse(text).map(|span| span.as_millis()), Ok(millis), "{text}");
        }
        assert_eq!(parse("1.000000001h"), Ok(Duration::from_nanos(3_600_000_003_600)));
    }

    #[test]
    fn refuses_what_go_refuses() {
        for (text, error) in [
            ("", Error::Malformed),
            ("30", Error::NoUnit),
            ("1m30", Error::NoUnit),
            ("-5s", Error::Negative),
            ("5 s", Error::Malformed),
            ("1d", Error::Malformed),
            ("s", Error::Malformed),
            (".s", Error::Malformed),
            ("PT5M", Error::Malformed),
            ("1h, 2m", Error::Malformed),
            ("9223372037s", Error::TooLong),
            ("99999999999999999999999h", Error::TooLong),
        ] {
            assert_eq!(parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn writes_the_short_form() {
        for (nanos, text) in [
            (0, "0s"),
            (1_500, "1.5us"),
            (300_000_000, "300ms"),
            (1_500_000_000, "1.5s"),
            (90_000_000_000, "1m30s"),
            (3_600_000_000_000, "1h"),
        ] {
            assert_eq!(format(Duration::from_nanos(nanos)), text);
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_the_same(nanos in 0..=i64::MAX.unsigned_abs()) {
            let span = Duration::from_nanos(nanos);
            prop_assert_eq!(parse(&format(span)), Ok(span));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,40}") {
            let _ = parse(&text);
        }
    }
}
