//! Records: day by day, newest first.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    sync::Arc,
    time::Duration,
};

use relay_core::{
    MonitorKey, StoredRecord, UnixSeconds,
    ports::repository::DayRollup,
    time::DAY_SECS,
    timeline::{Sample, Tally},
};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::{
    Heirs, Import, ImportError, LeftOut,
    chunks::{Chunks, by_monitor},
};
use crate::rollup::{day_of, slot_of};

/// Handfuls of records that the source is ahead of the store.
const AHEAD: usize = 4;

/// Counts of days that are stored in one transaction.
const COUNTS: usize = 1_000;

/// Monitors whose counts of a day are in memory at a time.
const MONITORS: usize = 50_000;

/// The first pause before another try, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(10));

/// How far the records are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Rows that were read by this try.
    pub rows: u64,
    /// About how many rows the source has.
    pub rows_about: u64,
    /// The day that is being read: its first second.
    pub day: UnixSeconds,
}

/// Monitors that are remembered by name.
const NAMED: usize = 20_000;

/// What an import did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Summary {
    /// Rows of records that were read.
    pub rows: u64,
    /// Records that were added; the others were there already, or only count.
    pub records: u64,
    /// Days of monitors that were brought in as counts, or were found counted.
    pub counts: u64,
    /// Rows left out.
    pub left_out: LeftOut,
    /// Events that were copied.
    pub events: u64,
    /// Events left out because another event has their number, or because what caused them is unknown as it is of another
    /// one of their kind and monitor.
    pub events_left_out: u64,
    /// Rows that are no events.
    pub events_skipped: u64,
    /// Groups whose states were copied.
    pub groups: u64,
    /// The monitors whose records this try read, under the names they have in the store; the first 20,000 of them.
    pub monitors: BTreeSet<MonitorKey>,
}

/// What became of one day.
#[derive(Debug, Clone, Default)]
struct Day {
    rows: u64,
    records: u64,
    counts: u64,
    left_out: LeftOut,
    monitors: BTreeSet<MonitorKey>,
}

impl Day {
    fn name(&mut self, monitor: &MonitorKey) {
        if !self.monitors.contains(monitor) && self.monitors.len() < NAMED {
            self.monitors.insert(monitor.clone());
        }
    }
}

/// Where the loop over the days is.
struct Walk {
    /// The second after the last one whose records are brought in. A record from the future would be its monitor's newest
    /// until that time comes, so none is taken. There is no tolerance: whoever recorded looked at a clock before now, and
    /// a record that another clock put ahead comes along when the import is made again.
    until: UnixSeconds,
    /// Days before this one are still to come.
    before: UnixSeconds,
    /// What an earlier try brought in begins here. It is passed over once a day brought nothing new: until then the
    /// source may have grown since.
    done_from: Option<UnixSeconds>,
}

impl Import {
    /// Brings the records in, and says what was done by all of the import. `tell` hears how far it is, some times a
    /// second.
    ///
    /// # Errors
    /// [`ImportError::Stopped`] soon after `stop` is cancelled; the others when trying again for
    /// [`ImportOptions::patience`] did not help.
    ///
    /// [`ImportOptions::patience`]: super::ImportOptions::patience
    pub async fn history(
        mut self,
        stop: &CancellationToken,
        mut tell: impl FnMut(Progress) + Send,
    ) -> Result<Summary, ImportError> {
        let until = self.deps.clock.now().as_secs().saturating_add(1);
        let done_from = self.progress.done_from.filter(|_| !self.progress.finished);
        let mut walk = Walk { until, before: until, done_from };
        let mut patience = Patience::new(self.options.patience);
        // First, so that what a program writes meanwhile is not taken for something from the future.
        let outside = loop {
            match self.count_outside(until, stop).await {
                Ok(outside) => break outside,
                Err(error) => patience.wait(error, stop).await?,
            }
        };
        patience.renew();
        loop {
            match self.step(&mut walk, stop, &mut tell).await {
                Ok(true) => patience.renew(),
                Ok(false) => break,
                Err(error) => patience.wait(error, stop).await?,
            }
        }
        self.summary.left_out.add(outside);
        self.deps.repository.note_import(&self.options.name, Some(walk.before), true).await?;
        Ok(self.summary)
    }

    /// Counts the records that are not brought in for their time.
    async fn count_outside(
        &self,
        until: UnixSeconds,
        stop: &CancellationToken,
    ) -> Result<LeftOut, ImportError> {
        let oldest = day_of(self.options.counts_from).max(0);
        tokio::select! {
            biased;
            () = stop.cancelled() => Err(ImportError::Stopped),
            counted = self.source.count_outside(oldest..until) => counted,
        }
    }

    /// Brings the next day in; `false` when there is none.
    async fn step(
        &mut self,
        walk: &mut Walk,
        stop: &CancellationToken,
        tell: &mut (impl FnMut(Progress) + Send),
    ) -> Result<bool, ImportError> {
        if stop.is_cancelled() {
            return Err(ImportError::Stopped);
        }
        let next = self.source.day_below(walk.before).await?;
        let Some(day) = next.filter(|day| *day >= day_of(self.options.counts_from)) else { return Ok(false) };
        let is_done = walk.done_from.is_some_and(|done_from| day < done_from);
        if is_done {
            walk.done_from = None;
        }
        let today = day_of(self.deps.clock.now().as_secs());
        let seconds = day..day.saturating_add(DAY_SECS).min(walk.until);
        // The cleaner's border: what is brought in before it would go at the next clean-up, and come back with each import.
        let horizon = slot_of(self.options.records_from);
        let outcome = if day >= horizon.min(today) {
            self.bring_records(seconds, stop, tell).await?
        } else if seconds.end > horizon {
            self.bring_both(seconds, horizon, stop, tell).await?
        } else {
            self.bring_counts(seconds, stop, tell).await?
        };
        walk.before = day;
        if let Some(done_from) = walk.done_from.take_if(|_| outcome.records == 0) {
            walk.before = day.min(done_from);
        }
        if walk.done_from.is_none() {
            self.deps.repository.note_import(&self.options.name, Some(walk.before), false).await?;
        }
        self.summary.rows += outcome.rows;
        self.summary.records += outcome.records;
        self.summary.counts += outcome.counts;
        self.summary.left_out.add(outcome.left_out);
        let free = NAMED.saturating_sub(self.summary.monitors.len());
        self.summary.monitors.extend(outcome.monitors.into_iter().take(free));
        Ok(true)
    }

    /// Reads seconds of a day and hands their records to `take`, ready for the store.
    async fn read<T: Take>(
        &self,
        seconds: Range<UnixSeconds>,
        stop: &CancellationToken,
        tell: &mut (impl FnMut(Progress) + Send),
        mut take: T,
    ) -> Result<Day, ImportError> {
        let (sender, receiver) = mpsc::channel(AHEAD);
        let source = Arc::clone(&self.source);
        let day = seconds.start;
        let consume = async move {
            // Dropped when this ends early, so that the source ends as well.
            let mut receiver = receiver;
            let mut outcome = Day::default();
            while let Some(handful) = receive(&mut receiver, stop).await? {
                outcome.rows += handful.len() as u64;
                let heirs = self.heirs();
                for stored in handful {
                    let stored = self.at_home_record(&heirs, stored);
                    outcome.name(&stored.record.key);
                    take.record(self, stored, &mut outcome).await?;
                }
                let rows = self.summary.rows + outcome.rows;
                tell(Progress { rows, rows_about: self.facts.rows, day });
            }
            Ok::<_, ImportError>((outcome, take))
        };
        let (left_out, consumed) = tokio::join!(source.read(seconds, sender), consume);
        let (mut outcome, take) = consumed?;
        // Only now is it known that nothing is missing of the day.
        outcome.left_out.add(left_out?);
        take.end(self, &mut outcome).await?;
        Ok(outcome)
    }

    async fn bring_records(
        &self,
        seconds: Range<UnixSeconds>,
        stop: &CancellationToken,
        tell: &mut (impl FnMut(Progress) + Send),
    ) -> Result<Day, ImportError> {
        let records = TakeRecords { day: seconds.start, chunks: Chunks::of(self.options.chunk) };
        self.read(seconds, stop, tell, records).await
    }

    async fn bring_counts(
        &self,
        seconds: Range<UnixSeconds>,
        stop: &CancellationToken,
        tell: &mut (impl FnMut(Progress) + Send),
    ) -> Result<Day, ImportError> {
        let counts = TakeCounts { day: seconds.start, sums: BTreeMap::new() };
        self.read(seconds, stop, tell, counts).await
    }

    /// Brings in the counts of a day, and the records that are not too old.
    async fn bring_both(
        &self,
        seconds: Range<UnixSeconds>,
        horizon: UnixSeconds,
        stop: &CancellationToken,
        tell: &mut (impl FnMut(Progress) + Send),
    ) -> Result<Day, ImportError> {
        let day = seconds.start;
        let records = TakeRecords { day, chunks: Chunks::of(self.options.chunk) };
        let counts = TakeCounts { day, sums: BTreeMap::new() };
        self.read(seconds, stop, tell, TakeBoth { horizon, records, counts }).await
    }

    fn at_home_record(&self, heirs: &Heirs, mut stored: StoredRecord) -> StoredRecord {
        stored.id = self.shifted(stored.id);
        stored.record.key = heirs.key(stored.record.key);
        stored
    }
}

/// Returns what the source hands over next, `None` at the end.
async fn receive(
    receiver: &mut mpsc::Receiver<Vec<StoredRecord>>,
    stop: &CancellationToken,
) -> Result<Option<Vec<StoredRecord>>, ImportError> {
    tokio::select! {
        biased;
        () = stop.cancelled() => Err(ImportError::Stopped),
        handful = receiver.recv() => Ok(handful),
    }
}

/// What is done with the records of a day.
trait Take: Send {
    fn record(
        &mut self,
        import: &Import,
        stored: StoredRecord,
        outcome: &mut Day,
    ) -> impl Future<Output = Result<(), ImportError>> + Send;

    fn end(self, import: &Import, outcome: &mut Day) -> impl Future<Output = Result<(), ImportError>> + Send;
}

/// Stores them.
struct TakeRecords {
    day: UnixSeconds,
    chunks: Chunks,
}

impl TakeRecords {
    async fn store(&self, import: &Import, piece: Vec<StoredRecord>) -> Result<u64, ImportError> {
        Ok(import.deps.repository.import_records(by_monitor(self.day, piece)).await?)
    }
}

impl Take for TakeRecords {
    async fn record(
        &mut self,
        import: &Import,
        stored: StoredRecord,
        outcome: &mut Day,
    ) -> Result<(), ImportError> {
        if let Some(piece) = self.chunks.push(stored) {
            outcome.records += self.store(import, piece).await?;
        }
        Ok(())
    }

    async fn end(mut self, import: &Import, outcome: &mut Day) -> Result<(), ImportError> {
        let rest = std::mem::replace(&mut self.chunks, Chunks::of(1)).rest();
        if !rest.is_empty() {
            outcome.records += self.store(import, rest).await?;
        }
        Ok(())
    }
}

/// Counts them.
struct TakeCounts {
    day: UnixSeconds,
    sums: BTreeMap<MonitorKey, Sum>,
}

struct Sum {
    tally: Tally,
    newest: StoredRecord,
}

impl TakeCounts {
    async fn store(&mut self, import: &Import, outcome: &mut Day) -> Result<(), ImportError> {
        let sums = std::mem::take(&mut self.sums);
        outcome.counts += sums.len() as u64;
        let mut sums = sums.into_iter().peekable();
        while sums.peek().is_some() {
            let (mut newest, mut rollups) = (Vec::new(), Vec::new());
            for (key, sum) in sums.by_ref().take(COUNTS) {
                newest.push(sum.newest);
                rollups.push(DayRollup { key, day: self.day, tally: sum.tally });
            }
            outcome.records += self.store_latest(import, newest).await?;
            import.deps.repository.import_days(rollups).await?;
        }
        Ok(())
    }

    /// Stores the newest record of each monitor that the store knows none of that is as new.
    async fn store_latest(&self, import: &Import, newest: Vec<StoredRecord>) -> Result<u64, ImportError> {
        let keys: Vec<MonitorKey> = newest.iter().map(|stored| stored.record.key.clone()).collect();
        let known = import.deps.repository.latest(&keys).await?;
        let unknown = newest
            .into_iter()
            .zip(known)
            .filter(|(stored, known)| known.is_none_or(|known| known.timestamp < stored.record.timestamp));
        let unknown: Vec<StoredRecord> = unknown.map(|(stored, _)| stored).collect();
        if unknown.is_empty() {
            return Ok(0);
        }
        Ok(import.deps.repository.import_records(by_monitor(self.day, unknown)).await?)
    }
}

impl Take for TakeCounts {
    async fn record(
        &mut self,
        import: &Import,
        stored: StoredRecord,
        outcome: &mut Day,
    ) -> Result<(), ImportError> {
        let sample = Sample::of(&stored);
        match self.sums.get_mut(&stored.record.key) {
            Some(sum) => {
                sum.tally.add(&sample);
                if (stored.record.timestamp, stored.id) > (sum.newest.record.timestamp, sum.newest.id) {
                    sum.newest = stored;
                }
            }
            None => {
                let mut tally = Tally::default();
                tally.add(&sample);
                self.sums.insert(stored.record.key.clone(), Sum { tally, newest: stored });
                if self.sums.len() == MONITORS {
                    self.store(import, outcome).await?;
                }
            }
        }
        Ok(())
    }

    async fn end(mut self, import: &Import, outcome: &mut Day) -> Result<(), ImportError> {
        self.store(import, outcome).await
    }
}

/// Stores those from the horizon on, and counts all of them.
struct TakeBoth {
    horizon: UnixSeconds,
    records: TakeRecords,
    counts: TakeCounts,
}

impl Take for TakeBoth {
    async fn record(
        &mut self,
        import: &Import,
        stored: StoredRecord,
        outcome: &mut Day,
    ) -> Result<(), ImportError> {
        if stored.record.timestamp >= self.horizon {
            self.records.record(import, stored.clone(), outcome).await?;
        }
        self.counts.record(import, stored, outcome).await
    }

    async fn end(self, import: &Import, outcome: &mut Day) -> Result<(), ImportError> {
        // Records first: then the newest of each monitor are there, and its counts are those of the whole day.
        self.records.end(import, outcome).await?;
        self.counts.end(import, outcome).await
    }
}

/// Waits before the next try, until it gives up.
struct Patience {
    limit: Duration,
    since: Option<Instant>,
    pause: Duration,
}

impl Patience {
    fn new(limit: Duration) -> Self {
        Self { limit, since: None, pause: PAUSES.0 }
    }

    fn renew(&mut self) {
        *self = Self::new(self.limit);
    }

    /// Waits when it may work later; returns the error when there is no use.
    async fn wait(&mut self, error: ImportError, stop: &CancellationToken) -> Result<(), ImportError> {
        let since = *self.since.get_or_insert_with(Instant::now);
        if !error.is_temporary() || since.elapsed() >= self.limit {
            return Err(error);
        }
        if self.pause == PAUSES.0 {
            warn!(%error, "the import has to wait");
        }
        tokio::select! {
            () = stop.cancelled() => return Err(ImportError::Stopped),
            () = sleep(self.pause) => {}
        }
        self.pause = (self.pause * 2).min(PAUSES.1);
        Ok(())
    }
}
