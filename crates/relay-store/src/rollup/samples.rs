//! The records of one slot and monitor as bytes, about six each: what a timeline needs of them, and their numbers.
//!
//! The version and the number of samples come first; then for each sample, in the order of (timestamp, id): the
//! distance in time from the one before (the first: from the slot's start), the distance of its number, a byte with
//! status (2 bits), cause (4 bits) and whether the code is 200, none or follows (2 bits), the code, the latency.

use relay_core::{Status, SubStatus, UnixSeconds, timeline::Sample};

use super::varint::{Malformed, Reader, put_signed, put_varint};

const VERSION: u8 = 1;
/// A sample takes at least four bytes.
const LEAST_BYTES: usize = 4;

const CODE_200: u8 = 0;
const CODE_NONE: u8 = 1;
const CODE_FOLLOWS: u8 = 2;

/// Packs the samples of the slot that starts at `start`, ordered by (timestamp, id).
pub(crate) fn pack_samples<'a>(
    samples: impl ExactSizeIterator<Item = &'a Sample>,
    start: UnixSeconds,
) -> Vec<u8> {
    let mut out = Vec::with_capacity(8 + samples.len() * 8);
    out.push(VERSION);
    put_varint(&mut out, samples.len() as u64);
    let (mut time, mut number) = (start, 0i64);
    for sample in samples {
        put_signed(&mut out, sample.timestamp.wrapping_sub(time));
        put_signed(&mut out, sample.id.wrapping_sub(number));
        (time, number) = (sample.timestamp, sample.id);
        let status = (sample.status.code() + 1).cast_unsigned();
        let cause = sample.sub_status.map_or(0, |cause| cause as u8 + 1);
        let code = match sample.http_code {
            200 => CODE_200,
            0 => CODE_NONE,
            _ => CODE_FOLLOWS,
        };
        out.push(status | cause << 2 | code << 6);
        if code == CODE_FOLLOWS {
            put_varint(&mut out, sample.http_code.into());
        }
        put_varint(&mut out, sample.latency_ms.into());
    }
    out
}

/// Reads the packed samples of the slot that starts at `start`.
pub(crate) fn unpack_samples(bytes: &[u8], start: UnixSeconds) -> Result<Vec<Sample>, Malformed> {
    let mut samples = Vec::with_capacity(bytes.len() / LEAST_BYTES);
    each_sample(bytes, start, |sample| samples.push(*sample))?;
    Ok(samples)
}

/// Hands the packed samples of the slot that starts at `start` over one by one, in their order. When the bytes turn
/// out to be malformed, some may have been handed over.
#[inline]
pub(crate) fn each_sample(
    bytes: &[u8],
    start: UnixSeconds,
    mut take: impl FnMut(&Sample),
) -> Result<(), Malformed> {
    let mut reader = Reader::new(bytes);
    if reader.byte()? != VERSION {
        return Err(Malformed);
    }
    let (mut timestamp, mut id) = (start, 0i64);
    for _ in 0..reader.varint()? {
        timestamp = timestamp.wrapping_add(reader.signed()?);
        id = id.wrapping_add(reader.signed()?);
        let packed = reader.byte()?;
        let sub_status = match (packed >> 2) & 0xf {
            0 => None,
            cause => Some(SubStatus::from_index(usize::from(cause) - 1).ok_or(Malformed)?),
        };
        let http_code = match packed >> 6 {
            CODE_200 => 200,
            CODE_NONE => 0,
            CODE_FOLLOWS => u16::try_from(reader.varint()?).map_err(|_| Malformed)?,
            _ => return Err(Malformed),
        };
        let status = Status::from_code(i64::from(packed & 3) - 1);
        take(&Sample { timestamp, id, status, sub_status, http_code, latency_ms: reader.varint32()? });
    }
    if reader.is_empty() { Ok(()) } else { Err(Malformed) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const START: UnixSeconds = 1_772_366_400;

    fn any_samples() -> impl Strategy<Value = Vec<Sample>> {
        let sample =
            (0i64..1800, any::<u32>(), -1i64..3, prop::option::of(0usize..8), any::<u16>(), any::<u32>());
        prop::collection::vec(sample, 0..60).prop_map(|samples| {
            let sample =
                |(offset, id, status, cause, http_code, latency_ms): (_, u32, i64, Option<usize>, _, _)| {
                    Sample {
                        timestamp: START + offset,
                        id: id.into(),
                        status: Status::from_code(status),
                        sub_status: cause.and_then(SubStatus::from_index),
                        http_code,
                        latency_ms,
                    }
                };
            samples.into_iter().map(sample).collect()
        })
    }

    proptest! {
        #[test]
        fn packing_reads_back(samples in any_samples()) {
            prop_assert_eq!(unpack_samples(&pack_samples(samples.iter(), START), START), Ok(samples));
        }

        #[test]
        fn strange_bytes_are_refused_or_read_but_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let mut versioned = vec![VERSION];
            versioned.extend(&bytes);
            let _ = unpack_samples(&versioned, START);
            prop_assert!(bytes.first() == Some(&VERSION) || unpack_samples(&bytes, START).is_err());
        }
    }

    #[test]
    fn a_minutely_sample_takes_seven_bytes_at_most() {
        let samples: Vec<_> = (0..30)
            .map(|index| Sample {
                timestamp: START + index * 60,
                id: 40_000_000 + index * 1000,
                status: Status::Green,
                sub_status: None,
                http_code: 200,
                latency_ms: 1500,
            })
            .collect();
        let packed = pack_samples(samples.iter(), START).len();
        assert!(packed <= 30 * 7, "{packed}");
    }
}
