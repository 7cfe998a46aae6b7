//! A month of plausible past for the demo: day rollups for most of it, single records since the day before yesterday's
//! end. Nothing of it makes an event.

use std::sync::Arc;

use relay_core::{
    MonitorKey, ProbeRecord, ProbeResult, Status, SubStatus,
    ports::{
        Repository,
        repository::{DayRollup, Error},
        transition::NoTransition,
    },
    record::{Source, Timings},
    time::DAY_SECS,
    timeline::{Sample, Tally},
};
use relay_sim::{Fleet, Kind, Outcome, Pace, Relay};

use super::listed_model;

/// How far back history goes.
const DAYS: i64 = 30;

/// Between two samples of a day that is kept as counts only, in seconds.
const SAMPLE_STEP: i64 = 300;

/// Between two records, in seconds, and closer together in the last stretch, which the shortest period shows one by one.
const RECORD_STEP: i64 = 300;
const CLOSE_STEP: i64 = 60;
const CLOSE_SPAN: i64 = 2 * 3600;

/// Slower answers are yellow, in milliseconds; as in the demo's configuration.
const SLOW_MS: u32 = 1500;

/// The deadline in the demo's configuration, in milliseconds.
const TIMEOUT_MS: u32 = 4000;

/// Records appended at once.
const BATCH: usize = 2000;

/// Fills the repository with the past of `fleet` up to `now`.
///
/// # Errors
/// What the repository says.
pub(super) async fn seed(
    repository: Arc<dyn Repository>,
    fleet: &Fleet,
    seed: u64,
    now: i64,
) -> Result<(), Error> {
    let cast = cast(fleet);
    let first_raw = now.div_euclid(DAY_SECS) * DAY_SECS - DAY_SECS;
    repository.import_days(days(&cast, seed, first_raw, now)).await?;
    for batch in records(&cast, seed, first_raw, now).chunks(BATCH) {
        repository.append(batch.to_vec(), Arc::new(NoTransition)).await?;
    }
    Ok(())
}

/// One monitor and the relay behind it.
struct Role<'a> {
    key: MonitorKey,
    relay: &'a Relay,
    model: &'a str,
    /// Of its answers, when they are streamed.
    pace: Option<Pace>,
}

fn cast(fleet: &Fleet) -> Vec<Role<'_>> {
    let models = fleet.listings.iter().flat_map(|listing| {
        listing.relay.models.iter().map(move |model| (listing, &listing.relay, model.name.as_str()))
    });
    models
        .map(|(listing, relay, model)| Role {
            key: MonitorKey::from_parts(
                listing.provider,
                listing.service,
                listing.channel,
                listed_model(listing, model),
            ),
            relay,
            model,
            pace: Pace::of(relay),
        })
        .collect()
}

/// Counts the days before `first_raw`.
fn days(cast: &[Role<'_>], seed: u64, first_raw: i64, now: i64) -> Vec<DayRollup> {
    let oldest = (now - DAYS * DAY_SECS).div_euclid(DAY_SECS) * DAY_SECS;
    let mut days = Vec::new();
    for role in cast {
        for day in (oldest..first_raw).step_by(DAY_SECS as usize) {
            let mut tally = Tally::default();
            for timestamp in (day..day + DAY_SECS).step_by(SAMPLE_STEP as usize) {
                let ProbeResult { status, sub_status, http_code, latency_ms, .. } =
                    result(role.relay.plausible(role.model, seed, timestamp), role.pace);
                tally.add(&Sample { timestamp, id: 0, status, sub_status, http_code, latency_ms });
            }
            days.push(DayRollup { key: role.key.clone(), day, tally });
        }
    }
    days
}

/// Makes the records since `first_raw`, oldest first.
fn records(cast: &[Role<'_>], seed: u64, first_raw: i64, now: i64) -> Vec<ProbeRecord> {
    let close = now - CLOSE_SPAN;
    let times =
        (first_raw..close).step_by(RECORD_STEP as usize).chain((close..now).step_by(CLOSE_STEP as usize));
    times
        .flat_map(|timestamp| {
            cast.iter().map(move |role| ProbeRecord {
                key: role.key.clone(),
                timestamp,
                source: Source::Schedule,
                result: result(role.relay.plausible(role.model, seed, timestamp), role.pace),
            })
        })
        .collect()
}

/// Judges an outcome as the prober judges answers, and tells the times of a right answer by its pace.
fn result(outcome: Outcome, pace: Option<Pace>) -> ProbeResult {
    let Outcome { kind, code, latency_ms } = outcome;
    let red = |cause| (Status::Red, Some(cause));
    let (status, sub_status) = match kind {
        Kind::Up if latency_ms > SLOW_MS => (Status::Yellow, Some(SubStatus::SlowLatency)),
        Kind::Up => (Status::Green, None),
        Kind::WrongContent => red(SubStatus::ContentMismatch),
        Kind::RateLimited => red(SubStatus::RateLimit),
        Kind::ServerError => red(SubStatus::ServerError),
        Kind::AuthError => red(SubStatus::AuthError),
        Kind::InvalidRequest => red(SubStatus::InvalidRequest),
        Kind::ClientError => red(SubStatus::ClientError),
        Kind::Unreachable => red(SubStatus::NetworkError),
    };
    let latency_ms = latency_ms.min(TIMEOUT_MS);
    let pace = pace.filter(|_| kind == Kind::Up);
    let timings = Timings {
        first_token_ms: pace.map(|pace| pace.first_token_ms(latency_ms)),
        total_ms: Some(pace.map_or(latency_ms, |pace| pace.total_ms(latency_ms))),
        ..Timings::default()
    };
    ProbeResult { status, sub_status, http_code: code, latency_ms, timings, detail: None }
}

#[cfg(test)]
mod tests {
    use relay_sim::{Dialect, Mode};

    use super::*;

    const NOW: i64 = 1_772_366_400;

    #[test]
    fn days_and_records_meet_without_gap_or_overlap() {
        let fleet = Fleet::demo(NOW);
        let cast = cast(&fleet);
        let first_raw = NOW.div_euclid(DAY_SECS) * DAY_SECS - DAY_SECS;
        let days = days(&cast, 7, first_raw, NOW);
        assert_eq!(days.iter().map(|rollup| rollup.day).max(), Some(first_raw - DAY_SECS));
        assert!(days.iter().all(|rollup| rollup.tally.total() == 288));
        let records = records(&cast, 7, first_raw, NOW);
        assert_eq!(records.first().map(|record| record.timestamp), Some(first_raw));
        assert!(records.is_sorted_by_key(|record| record.timestamp));
        assert!(records.iter().all(|record| record.timestamp < NOW));
        assert!(records.len() < 60_000, "{} records take long in a debug build", records.len());
    }

    #[test]
    fn a_right_answer_of_a_streaming_relay_has_a_first_token_and_an_end() {
        let outcome = |kind| Outcome { kind, code: 200, latency_ms: 400 };
        let streaming = Relay { mode: Mode::Stream, ..Relay::new("r", Dialect::Chat) };
        let timings = |kind, relay: &Relay| result(outcome(kind), Pace::of(relay)).timings;
        let told = timings(Kind::Up, &streaming);
        assert!(told.first_token_ms > Some(400) && told.total_ms > told.first_token_ms, "{told:?}");
        for told in
            [timings(Kind::ServerError, &streaming), timings(Kind::Up, &Relay::new("r", Dialect::Chat))]
        {
            assert_eq!((told.first_token_ms, told.total_ms), (None, Some(400)));
        }
    }
}
