//! One tally as bytes, about 50 for a half hour of minutely probes and 110 for a day.
//!
//! In this order, numbers as varints: the version; green, yellow, red, missing; a mask of the causes that occur and
//! their counts; the number of (cause, code) pairs and each with its count; the sum of available latencies; what the
//! sum and count of positive latencies are away from it and from the total; the newest record's status plus one (a
//! byte, 255 for none), its distance from the start of the piece and its number; the number of sketch buckets, and
//! each as the distance from the one before and its count.

use relay_core::{Status, SubStatus, UnixSeconds, timeline::Tally};

use super::varint::{Malformed, Reader, put_signed, put_varint};

const VERSION: u8 = 1;
const NONE: u8 = 255;

/// Packs a tally of the slot or day that starts at `start`.
pub(crate) fn pack_tally(tally: &Tally, start: UnixSeconds) -> Vec<u8> {
    let mut out = Vec::with_capacity(128);
    out.push(VERSION);
    for count in [tally.green, tally.yellow, tally.red, tally.missing] {
        put_varint(&mut out, count.into());
    }
    let mask = (0..8).filter(|index| tally.causes[*index] > 0).fold(0u8, |mask, index| mask | 1 << index);
    out.push(mask);
    for count in tally.causes.into_iter().filter(|count| *count > 0) {
        put_varint(&mut out, count.into());
    }
    put_varint(&mut out, tally.codes.len() as u64);
    for &(cause, code, count) in &tally.codes {
        out.push(cause as u8);
        put_varint(&mut out, code.into());
        put_varint(&mut out, count.into());
    }
    put_varint(&mut out, tally.available_latency_sum);
    let more = tally.positive_latency_sum.wrapping_sub(tally.available_latency_sum).cast_signed();
    put_signed(&mut out, more);
    put_signed(&mut out, i64::from(tally.total()) - i64::from(tally.positive_latency_count));
    match tally.newest {
        None => out.push(NONE),
        Some((timestamp, id, status)) => {
            out.push((status.code() + 1).cast_unsigned());
            put_signed(&mut out, timestamp.wrapping_sub(start));
            put_signed(&mut out, id);
        }
    }
    let entries = tally.latencies.entries();
    put_varint(&mut out, entries.len() as u64);
    let mut last = 0;
    for &(bucket, count) in entries {
        out.push(bucket - last);
        put_varint(&mut out, count.into());
        last = bucket;
    }
    out
}

/// Reads a packed tally of the piece that starts at `start`.
pub(crate) fn unpack_tally(bytes: &[u8], start: UnixSeconds) -> Result<Tally, Malformed> {
    let mut tally = Tally::default();
    let mut sketch = std::mem::take(&mut tally.latencies);
    fold_tally(bytes, start, &mut tally, |bucket, count| sketch.add_count(bucket, count))?;
    tally.latencies = sketch;
    Ok(tally)
}

/// Adds a packed tally of the piece that starts at `start` to `into`, but for its latency sketch, whose (bucket,
/// count) pairs go to `latencies`.
pub(crate) fn fold_tally(
    bytes: &[u8],
    start: UnixSeconds,
    into: &mut Tally,
    mut latencies: impl FnMut(u8, u32),
) -> Result<(), Malformed> {
    let mut reader = Reader::new(bytes);
    if reader.byte()? != VERSION {
        return Err(Malformed);
    }
    let mut piece = Tally {
        green: reader.varint32()?,
        yellow: reader.varint32()?,
        red: reader.varint32()?,
        missing: reader.varint32()?,
        ..Tally::default()
    };
    let mask = reader.byte()?;
    for index in (0..8).filter(|index| mask & (1 << index) != 0) {
        piece.causes[index] = reader.varint32()?;
    }
    for _ in 0..reader.varint()? {
        let cause = SubStatus::from_index(reader.byte()?.into()).ok_or(Malformed)?;
        let code = u16::try_from(reader.varint()?).map_err(|_| Malformed)?;
        into.add_code(cause, code, reader.varint32()?);
    }
    piece.available_latency_sum = reader.varint()?;
    piece.positive_latency_sum = piece.available_latency_sum.wrapping_add_signed(reader.signed()?);
    let total = [piece.green, piece.yellow, piece.red, piece.missing].into_iter().map(i64::from).sum::<i64>();
    piece.positive_latency_count =
        u32::try_from(total.wrapping_sub(reader.signed()?)).map_err(|_| Malformed)?;
    let code = reader.byte()?;
    if code != NONE {
        let status = Status::from_code(i64::from(code) - 1);
        piece.newest = Some((start.wrapping_add(reader.signed()?), reader.signed()?, status));
    }
    into.merge_counts(&piece);
    let mut bucket = 0u8;
    for _ in 0..reader.varint()? {
        bucket = bucket.checked_add(reader.byte()?).ok_or(Malformed)?;
        latencies(bucket, reader.varint32()?);
    }
    if reader.is_empty() { Ok(()) } else { Err(Malformed) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use relay_core::timeline::Sample;

    use super::*;

    const START: UnixSeconds = 1_772_366_400;

    fn any_tally() -> impl Strategy<Value = Tally> {
        let sample =
            (0i64..86_400, any::<u32>(), -1i64..3, prop::option::of(0usize..8), 0u16..700, 0u32..900_000);
        prop::collection::vec(sample, 0..200).prop_map(|samples| {
            let mut tally = Tally::default();
            for (offset, id, status, cause, http_code, latency_ms) in samples {
                tally.add(&Sample {
                    timestamp: START + offset,
                    id: id.into(),
                    status: Status::from_code(status),
                    sub_status: cause.and_then(SubStatus::from_index),
                    http_code,
                    latency_ms,
                });
            }
            tally
        })
    }

    proptest! {
        #[test]
        fn packing_reads_back(tally in any_tally()) {
            prop_assert_eq!(unpack_tally(&pack_tally(&tally, START), START), Ok(tally));
        }

        #[test]
        fn folding_equals_merging(left in any_tally(), right in any_tally()) {
            let mut folded = left.clone();
            let mut sketch = left.latencies.clone();
            fold_tally(&pack_tally(&right, START), START, &mut folded, |bucket, count| {
                sketch.add_count(bucket, count);
            })?;
            folded.latencies = sketch;
            let mut merged = left;
            merged.merge(&right);
            prop_assert_eq!(folded.newest.map(|n| (n.0, n.1)), merged.newest.map(|n| (n.0, n.1)));
            prop_assert_eq!(Tally { newest: None, ..folded }, Tally { newest: None, ..merged });
        }

        #[test]
        fn strange_bytes_are_refused_or_read_but_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let mut versioned = vec![VERSION];
            versioned.extend(&bytes);
            let _ = unpack_tally(&versioned, START);
            prop_assert!(bytes.first() == Some(&VERSION) || unpack_tally(&bytes, START).is_err());
        }

        #[test]
        fn a_cut_tally_is_refused(tally in any_tally(), keep in 0.0f64..1.0) {
            let bytes = pack_tally(&tally, START);
            let cut = (bytes.len() as f64 * keep) as usize;
            prop_assert!(unpack_tally(&bytes[..cut], START).is_err());
        }
    }
}
