//! The packed form of tallies, samples and timings, shared by every backend that stores blobs.
//!
//! All numbers are LEB128 varints, signed ones zigzag-coded first. A blob starts with a version byte so that the form
//! can change without rewriting history.

use relay_core::{
    Status, SubStatus,
    record::Timings,
    timeline::{Sample, Sketch, Tally},
};

/// The form written today.
const VERSION: u8 = 1;

/// A blob that is not of any form this version knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a packed value of a known version")]
pub(crate) struct Malformed;

type Read<T> = Result<T, Malformed>;

/// Packs a tally. `base` is the start of its slot or day; times are kept relative to it.
pub(crate) fn pack_tally(tally: &Tally, base: i64) -> Vec<u8> {
    let mut out = Vec::with_capacity(96);
    out.push(VERSION);
    for count in [tally.green, tally.yellow, tally.red, tally.missing] {
        put(&mut out, count.into());
    }
    let present = (0..8).filter(|cause| tally.causes[*cause] > 0).fold(0u8, |bits, cause| bits | 1 << cause);
    out.push(present);
    for count in tally.causes.iter().filter(|count| **count > 0) {
        put(&mut out, (*count).into());
    }
    put(&mut out, tally.codes.len() as u64);
    for (cause, code, count) in &tally.codes {
        put(&mut out, (u64::from(*code) << 3) | cause.index() as u64);
        put(&mut out, (*count).into());
    }
    put(&mut out, tally.available_latency_sum);
    put(&mut out, tally.positive_latency_sum);
    put(&mut out, tally.positive_latency_count.into());
    match tally.newest {
        Some((timestamp, id, status)) => {
            out.push(status_bits(status) + 1);
            put_signed(&mut out, timestamp - base);
            put_signed(&mut out, id);
        }
        None => out.push(0),
    }
    let mut before = 0;
    for &(bucket, count) in tally.latencies.entries() {
        out.push(bucket - before);
        put(&mut out, count.into());
        before = bucket;
    }
    out
}

/// Adds a packed tally: its counts to `into`, its latency sketch to `sketch`. Reading and adding are one step because a
/// status request adds up thousands of them, and the two targets differ because most readers want sketches of the whole
/// window only.
pub(crate) fn add_tally(blob: &[u8], base: i64, into: &mut Tally, sketch: &mut Sketch) -> Read<()> {
    let mut reader = Reader::new(blob)?;
    let mut count = || reader.count();
    into.green += count()?;
    into.yellow += count()?;
    into.red += count()?;
    into.missing += count()?;
    let present = reader.byte()?;
    for cause in 0..8 {
        if present & (1 << cause) != 0 {
            into.causes[cause] += reader.count()?;
        }
    }
    for _ in 0..reader.number()? {
        let packed = reader.number()?;
        let cause = SubStatus::from_index((packed & 7) as usize).ok_or(Malformed)?;
        let code = u16::try_from(packed >> 3).map_err(|_| Malformed)?;
        into.add_code(cause, code, reader.count()?);
    }
    into.available_latency_sum += reader.number()?;
    into.positive_latency_sum += reader.number()?;
    into.positive_latency_count += reader.count()?;
    let newest = match reader.byte()? {
        0 => None,
        bits => Some((base + reader.signed()?, reader.signed()?, status_of(bits - 1))),
    };
    into.see_newest(newest);
    let mut bucket = 0u8;
    while !reader.rest.is_empty() {
        bucket = bucket.checked_add(reader.byte()?).ok_or(Malformed)?;
        sketch.add_count(bucket, reader.count()?);
    }
    Ok(())
}

/// Packs the samples of one slot, ordered by (timestamp, id).
pub(crate) fn pack_samples(samples: &[Sample], slot: i64) -> Vec<u8> {
    let mut out = Vec::with_capacity(1 + samples.len() * 7);
    out.push(VERSION);
    let (mut last_time, mut last_id) = (slot, 0);
    for sample in samples {
        let cause = sample.sub_status.map_or(0, |cause| cause.index() as u8 + 1);
        let usual_code = sample.http_code == 200;
        out.push(status_bits(sample.status) | cause << 2 | u8::from(usual_code) << 6);
        put(&mut out, (sample.timestamp - last_time).unsigned_abs());
        put_signed(&mut out, sample.id - last_id);
        put(&mut out, sample.latency_ms.into());
        if !usual_code {
            put(&mut out, sample.http_code.into());
        }
        (last_time, last_id) = (sample.timestamp, sample.id);
    }
    out
}

/// Calls `each` for every packed sample of a slot, in order.
pub(crate) fn read_samples(blob: &[u8], slot: i64, mut each: impl FnMut(Sample)) -> Read<()> {
    let mut reader = Reader::new(blob)?;
    let (mut timestamp, mut id) = (slot, 0i64);
    while !reader.rest.is_empty() {
        let bits = reader.byte()?;
        timestamp += i64::try_from(reader.number()?).map_err(|_| Malformed)?;
        id = id.checked_add(reader.signed()?).ok_or(Malformed)?;
        let latency_ms = reader.count()?;
        let http_code = match bits >> 6 & 1 {
            1 => 200,
            _ => u16::try_from(reader.number()?).map_err(|_| Malformed)?,
        };
        let sub_status = match bits >> 2 & 15 {
            0 => None,
            cause => Some(SubStatus::from_index(usize::from(cause) - 1).ok_or(Malformed)?),
        };
        each(Sample { timestamp, id, status: status_of(bits & 3), sub_status, http_code, latency_ms });
    }
    Ok(())
}

/// Packs phase timings; `None` when there are none.
pub(crate) fn pack_timings(timings: &Timings) -> Option<Vec<u8>> {
    let phases = phases(timings);
    let present = (0..5).filter(|at| phases[*at].is_some()).fold(0u8, |bits, at| bits | 1 << at);
    if present == 0 {
        return None;
    }
    let mut out = Vec::with_capacity(12);
    // The five low bits say which phases follow; the version sits above them.
    out.push(VERSION << 5 | present);
    for phase in phases.into_iter().flatten() {
        put(&mut out, phase.into());
    }
    Some(out)
}

/// Reads packed phase timings.
pub(crate) fn unpack_timings(blob: &[u8]) -> Read<Timings> {
    let (first, rest) = blob.split_first().ok_or(Malformed)?;
    if first >> 5 != VERSION {
        return Err(Malformed);
    }
    let mut reader = Reader { rest };
    let mut phase = |at: u8| if first & (1 << at) != 0 { reader.count().map(Some) } else { Ok(None) };
    Ok(Timings {
        dns_ms: phase(0)?,
        connect_ms: phase(1)?,
        tls_ms: phase(2)?,
        first_token_ms: phase(3)?,
        total_ms: phase(4)?,
    })
}

fn phases(timings: &Timings) -> [Option<u32>; 5] {
    let Timings { dns_ms, connect_ms, tls_ms, first_token_ms, total_ms } = *timings;
    [dns_ms, connect_ms, tls_ms, first_token_ms, total_ms]
}

/// Two bits for a status.
fn status_bits(status: Status) -> u8 {
    match status {
        Status::Red => 0,
        Status::Green => 1,
        Status::Yellow => 2,
        Status::Missing => 3,
    }
}

fn status_of(bits: u8) -> Status {
    match bits {
        0 => Status::Red,
        1 => Status::Green,
        2 => Status::Yellow,
        _ => Status::Missing,
    }
}

fn put(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn put_signed(out: &mut Vec<u8>, value: i64) {
    put(out, (value << 1 ^ value >> 63) as u64);
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn new(blob: &'a [u8]) -> Read<Self> {
        match blob.split_first() {
            Some((&VERSION, rest)) => Ok(Self { rest }),
            _ => Err(Malformed),
        }
    }

    fn byte(&mut self) -> Read<u8> {
        let (first, rest) = self.rest.split_first().ok_or(Malformed)?;
        self.rest = rest;
        Ok(*first)
    }

    fn number(&mut self) -> Read<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Malformed)
    }

    fn count(&mut self) -> Read<u32> {
        u32::try_from(self.number()?).map_err(|_| Malformed)
    }

    fn signed(&mut self) -> Read<i64> {
        let value = self.number()?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SLOT: i64 = 1_772_366_400;

    fn any_sample() -> impl Strategy<Value = Sample> {
        let code = prop_oneof![Just(200u16), 0u16..1000];
        (0i64..1800, 1i64..1 << 40, -1i64..3, prop::option::of(0usize..8), code, 0u32..100_000).prop_map(
            |(offset, id, status, cause, http_code, latency_ms)| Sample {
                timestamp: SLOT + offset,
                id,
                status: Status::from_code(status),
                sub_status: cause.and_then(SubStatus::from_index),
                http_code,
                latency_ms,
            },
        )
    }

    proptest! {
        #[test]
        fn tallies_and_samples_read_back(mut samples in prop::collection::vec(any_sample(), 0..60)) {
            samples.sort_unstable_by_key(|sample| (sample.timestamp, sample.id));
            let mut tally = Tally::default();
            samples.iter().for_each(|sample| tally.add(sample));

            let mut read = Tally::default();
            let mut sketch = Sketch::default();
            add_tally(&pack_tally(&tally, SLOT), SLOT, &mut read, &mut sketch).expect("just packed");
            read.latencies = sketch;
            prop_assert_eq!(&read, &tally);

            let mut read = Vec::new();
            read_samples(&pack_samples(&samples, SLOT), SLOT, |sample| read.push(sample)).expect("just packed");
            prop_assert_eq!(read, samples);
        }

        #[test]
        fn timings_read_back(phases in prop::array::uniform5(prop::option::of(any::<u32>()))) {
            let [dns_ms, connect_ms, tls_ms, first_token_ms, total_ms] = phases;
            let timings = Timings { dns_ms, connect_ms, tls_ms, first_token_ms, total_ms };
            let read = pack_timings(&timings).map_or_else(|| Ok(Timings::default()), |blob| unpack_timings(&blob));
            prop_assert_eq!(read, Ok(timings));
        }

        #[test]
        fn damaged_blobs_are_refused_without_panic(blob in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = add_tally(&blob, 0, &mut Tally::default(), &mut Sketch::default());
            let _ = read_samples(&blob, 0, |_| {});
            let _ = unpack_timings(&blob);
        }
    }

    /// What the size on disk stands on: a record per minute costs about 6 bytes in its slot row.
    #[test]
    fn a_usual_sample_takes_seven_bytes_at_most() {
        let samples: Vec<Sample> = (0..30)
            .map(|minute| Sample {
                timestamp: SLOT + 60 * minute,
                id: 1_000_000 + 1_000 * minute,
                status: Status::Green,
                sub_status: None,
                http_code: 200,
                latency_ms: 900,
            })
            .collect();
        assert!(pack_samples(&samples, SLOT).len() <= 30 * 7, "{}", pack_samples(&samples, SLOT).len());
    }
}
