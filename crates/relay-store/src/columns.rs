//! What the numbers and bytes in columns mean. Shared by all drivers.

use relay_core::{SubStatus, record::Timings};

use crate::rollup::{Malformed, Reader, put_signed, put_varint};

/// Returns the number that stands for a cause.
pub(crate) fn cause_code(cause: Option<SubStatus>) -> Option<u8> {
    cause.map(|cause| cause as u8)
}

/// Returns the cause that a number stands for.
pub(crate) fn cause(number: Option<i64>) -> Option<SubStatus> {
    SubStatus::from_index(usize::try_from(number?).ok()?)
}

/// Returns the nearest HTTP code.
pub(crate) fn code(number: i64) -> u16 {
    u16::try_from(number.max(0)).unwrap_or(u16::MAX)
}

/// Returns the nearest number that fits.
pub(crate) fn clamp_u32(number: i64) -> u32 {
    u32::try_from(number.max(0)).unwrap_or(u32::MAX)
}

/// Packs the phases of a probe; `None` when none is known. The last two are usually a little more than the latency,
/// so they are kept as the distance from it.
pub(crate) fn pack_timings(timings: &Timings, latency_ms: u32) -> Option<Vec<u8>> {
    let Timings { dns_ms, connect_ms, tls_ms, first_token_ms, total_ms } = *timings;
    let all = [dns_ms, connect_ms, tls_ms, first_token_ms, total_ms];
    let mask = all
        .iter()
        .enumerate()
        .filter(|(_, phase)| phase.is_some())
        .fold(0u8, |mask, (bit, _)| mask | 1 << bit);
    if mask == 0 {
        return None;
    }
    let mut out = vec![mask];
    [dns_ms, connect_ms, tls_ms].into_iter().flatten().for_each(|phase| put_varint(&mut out, phase.into()));
    for phase in [first_token_ms, total_ms].into_iter().flatten() {
        put_signed(&mut out, i64::from(phase) - i64::from(latency_ms));
    }
    Some(out)
}

/// Reads packed phases.
pub(crate) fn unpack_timings(packed: &[u8], latency_ms: u32) -> Result<Timings, Malformed> {
    let mut reader = Reader::new(packed);
    let mask = reader.byte()?;
    let mut phase = |bit: u8, from_latency: bool| -> Result<Option<u32>, Malformed> {
        if mask & (1 << bit) == 0 {
            return Ok(None);
        }
        if from_latency {
            let phase = i64::from(latency_ms).wrapping_add(reader.signed()?);
            return u32::try_from(phase).map(Some).map_err(|_| Malformed);
        }
        reader.varint32().map(Some)
    };
    Ok(Timings {
        dns_ms: phase(0, false)?,
        connect_ms: phase(1, false)?,
        tls_ms: phase(2, false)?,
        first_token_ms: phase(3, true)?,
        total_ms: phase(4, true)?,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn timings_read_back(phases in any::<[Option<u32>; 5]>(), latency_ms in any::<u32>()) {
            let [dns_ms, connect_ms, tls_ms, first_token_ms, total_ms] = phases;
            let timings = Timings { dns_ms, connect_ms, tls_ms, first_token_ms, total_ms };
            let read = match pack_timings(&timings, latency_ms) {
                Some(packed) => unpack_timings(&packed, latency_ms),
                None => Ok(Timings::default()),
            };
            prop_assert_eq!(read, Ok(timings));
        }

        #[test]
        fn strange_bytes_never_panic(packed in prop::collection::vec(any::<u8>(), 0..30), latency_ms in any::<u32>()) {
            let _ = unpack_timings(&packed, latency_ms);
        }
    }
}
