//! The rows of the tables, by the lists of columns that [`Columns::select`] makes.
//!
//! [`Columns::select`]: super::columns::Columns::select

use relay_core::{StoredRecord, event::Event};
use tokio_postgres::{Error as Fault, Row};

use super::columns::Text;
use crate::import::{
    LeftOut,
    relay_pulse::{self, ChannelStateNumbers, EventNumbers, Groups, ModelStateNumbers, RecordNumbers},
    source::Keys,
};

fn text(row: &Row, column: usize) -> Result<&str, Fault> {
    row.try_get::<_, Text<'_>>(column).map(|text| text.0)
}

/// Reads a row of `probe_history`; counts it as left out when it is no record.
pub(super) fn record(
    row: &Row,
    keys: &mut Keys,
    left_out: &mut LeftOut,
) -> Result<Option<StoredRecord>, Fault> {
    let parts = [text(row, 1)?, text(row, 2)?, text(row, 3)?, text(row, 4)?];
    let Some(key) = keys.of_record(parts, left_out) else { return Ok(None) };
    let number = |column: usize| row.try_get::<_, Option<i64>>(column);
    let numbers = RecordNumbers {
        id: number(0)?.unwrap_or_default(),
        status: number(5)?.unwrap_or(-1),
        http_code: number(7)?.unwrap_or_default(),
        latency: number(8)?.unwrap_or_default(),
        timestamp: number(9)?.unwrap_or_default(),
        phases: [number(11)?, number(12)?, number(13)?, number(14)?, number(15)?],
        source: number(16)?.unwrap_or_default(),
    };
    Ok(Some(relay_pulse::record(key, numbers, text(row, 6)?, text(row, 10)?)))
}

/// Reads a row of `status_events`; `None` when it is no event.
pub(super) fn event(row: &Row, keys: &mut Keys) -> Result<Option<Event>, Fault> {
    let integer = |column: usize| row.try_get::<_, Option<i64>>(column);
    let numbers = EventNumbers {
        id: integer(0)?.unwrap_or_default(),
        from_status: integer(6)?.unwrap_or_default(),
        to_status: integer(7)?.unwrap_or(-1),
        trigger_record_id: integer(8)?.unwrap_or_default(),
        observed_at: integer(9)?.unwrap_or_default(),
        created_at: integer(10)?.unwrap_or_default(),
    };
    let key = keys.get([text(row, 1)?, text(row, 2)?, text(row, 3)?, text(row, 4)?]);
    let (kind, meta) = (text(row, 5)?, text(row, 11)?);
    Ok(key.and_then(|key| relay_pulse::event(key, numbers, kind, meta)))
}

/// Reads a row of `service_states` and the status of its last record.
pub(super) fn model_state(row: &Row, keys: &mut Keys, groups: &mut Groups) -> Result<(), Fault> {
    let Some(key) = keys.get([text(row, 0)?, text(row, 1)?, text(row, 2)?, text(row, 3)?]) else {
        return Ok(());
    };
    let integer = |column: usize| row.try_get::<_, Option<i64>>(column);
    let numbers = ModelStateNumbers {
        stable: integer(4)?.unwrap_or(-1),
        streak_count: integer(5)?.unwrap_or_default(),
        streak: integer(6)?.unwrap_or(-1),
        last_record_id: integer(7)?.unwrap_or_default(),
        last_timestamp: integer(8)?.unwrap_or_default(),
        last_status: integer(9)?,
    };
    groups.model(&key, numbers);
    Ok(())
}

/// Reads a row of `channel_states`.
pub(super) fn channel_state(row: &Row, keys: &mut Keys, groups: &mut Groups) -> Result<(), Fault> {
    let Some(key) = keys.get([text(row, 0)?, text(row, 1)?, text(row, 2)?, ""]) else { return Ok(()) };
    let integer = |column: usize| row.try_get::<_, Option<i64>>(column);
    let numbers = ChannelStateNumbers {
        stable: integer(3)?.unwrap_or(-1),
        down_count: integer(4)?.unwrap_or_default(),
        known_count: integer(5)?.unwrap_or_default(),
        last_record_id: integer(6)?.unwrap_or_default(),
        last_timestamp: integer(7)?.unwrap_or_default(),
    };
    groups.channel(key.psc(), numbers);
    Ok(())
}
