//! Rollups: what is counted per monitor in half-hour slots and UTC days, and how it is packed. Shared by all drivers,
//! and pure.

mod held;
mod samples;
mod tally;
mod varint;

use relay_core::{UnixSeconds, time::DAY_SECS, timeline::SLOT_SECS};

pub(crate) use held::{Base, Change, Held, HeldWindow, OpenSlot, Outgoing};
pub(crate) use samples::{each_sample, pack_samples, unpack_samples};
pub(crate) use tally::{fold_tally, pack_tally, unpack_tally};
pub(crate) use varint::{Malformed, Reader, put_signed, put_varint};

/// The compact number of a monitor in the database.
pub(crate) type MonitorId = i64;

/// Returns the first second of the half-hour slot of a moment.
pub(crate) fn slot_of(at: UnixSeconds) -> UnixSeconds {
    at.div_euclid(SLOT_SECS).saturating_mul(SLOT_SECS)
}

/// Returns the first second of the UTC day of a moment.
pub(crate) fn day_of(at: UnixSeconds) -> UnixSeconds {
    at.div_euclid(DAY_SECS).saturating_mul(DAY_SECS)
}
