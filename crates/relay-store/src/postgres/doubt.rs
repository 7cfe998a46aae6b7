//! Batches whose commit was not answered.
//!
//! A connection that breaks during a commit leaves open whether it happened. So each process has a row in `writers` that
//! says which batch it stored last, written in the batch's own transaction. The next append of the process asks it, under
//! the lock that the unanswered transaction held to its end: what it reads is final. When that batch was stored and is
//! given again, its answer is returned and nothing is written.

use std::collections::VecDeque;

use deadpool_postgres::{Object, Transaction};
use relay_core::{
    ProbeRecord,
    ports::repository::{Appended, Error},
};

use super::error::translate;

const PUT_WRITER: &str = include_str!("sql/store/put_writer.sql");

/// Answers that nobody came back for; a caller that tries again comes back at once.
const UNCLAIMED: usize = 4;

/// The batches of this process.
#[derive(Debug)]
pub(super) struct Batches {
    writer: String,
    /// The number of the last batch that was given to the server.
    last: i64,
    /// The one whose commit was not answered.
    doubtful: Option<Appended>,
    /// Those that were stored, as turned out later.
    unclaimed: VecDeque<Appended>,
}

/// Registers this process, and forgets those that were not seen for a month. Returns its name.
pub(super) async fn register(client: &Object) -> Result<String, Error> {
    let trouble = translate("cannot register this process");
    client
        .batch_execute("DELETE FROM writers WHERE seen_at < now() - interval '30 days'")
        .await
        .map_err(&trouble)?;
    let row = client.query_one("SELECT gen_random_uuid()::text", &[]).await.map_err(&trouble)?;
    Ok(row.get(0))
}

impl Batches {
    /// Starts without any.
    pub(super) fn new(writer: String) -> Self {
        Self { writer, last: 0, doubtful: None, unclaimed: VecDeque::new() }
    }

    /// Finds out about the batch in doubt; the transaction has the lock. Then returns the answer for `batch`, if it was
    /// stored before.
    pub(super) async fn settle(
        &mut self,
        transaction: &Transaction<'_>,
        batch: &[ProbeRecord],
    ) -> Result<Option<Appended>, Error> {
        if self.doubtful.is_some() {
            let row = transaction
                .query_opt("SELECT batch FROM writers WHERE id = $1", &[&self.writer])
                .await
                .map_err(translate("cannot ask for the last batch"))?;
            let stored = row.is_some_and(|row| row.get::<_, i64>(0) == self.last);
            self.unclaimed.extend(self.doubtful.take().filter(|_| stored));
            if self.unclaimed.len() > UNCLAIMED {
                self.unclaimed.pop_front();
            }
        }
        let same = |answer: &Appended| answer.records.iter().map(|stored| &stored.record).eq(batch);
        Ok(self.unclaimed.iter().position(same).and_then(|place| self.unclaimed.remove(place)))
    }

    /// Writes that the next batch is stored, within its transaction.
    pub(super) async fn put_next(&mut self, transaction: &Transaction<'_>) -> Result<(), Error> {
        let trouble = translate("cannot write the number of a batch");
        let statement = transaction.prepare_cached(PUT_WRITER).await.map_err(&trouble)?;
        let next = self.last + 1;
        transaction.execute(&statement, &[&self.writer, &next]).await.map_err(&trouble)?;
        self.last = next;
        Ok(())
    }

    /// Commits the transaction of `answer`. As long as that is not answered, also when the caller goes away meanwhile,
    /// it is in doubt.
    pub(super) async fn commit(
        &mut self,
        transaction: Transaction<'_>,
        answer: Appended,
    ) -> Result<Appended, Error> {
        self.doubtful = Some(answer);
        transaction.commit().await.map_err(translate("cannot commit"))?;
        Ok(self.doubtful.take().unwrap_or_default())
    }
}
