//! Timelines, from the rollup tables.

use async_trait::async_trait;
use deadpool_postgres::Object;
use futures_util::future;
use relay_core::{
    MonitorKey,
    ports::repository::{Error, Timelines},
    timeline::{Plan, Timeline},
};

use super::{
    PgRepository,
    error::translate,
    names::{Numbers, STAMP, Stamp},
    records::LATEST,
    rollups::Question,
    row::read_latest,
};
use crate::{
    rollup::MonitorId,
    timeline::{Fold, Pieces},
};

/// How often a question is asked again because monitors came or got other names meanwhile.
const TRIES: usize = 10;

#[async_trait]
impl Timelines for PgRepository {
    async fn timelines(&self, keys: &[MonitorKey], plan: &Plan) -> Result<Vec<Timeline>, Error> {
        self.read(|client| async move {
            for _ in 0..TRIES {
                let numbers = self.names.look(keys);
                let (stamp, timelines) = ask(&client, &numbers, plan).await?;
                if stamp == numbers.stamp {
                    return Ok(timelines);
                }
                self.names.refresh(&*client).await?;
            }
            Err(restless())
        })
        .await
    }
}

fn restless() -> Error {
    Error::Unavailable { reason: "monitors are being named all the time".to_owned(), source: None }
}

/// Reads everything in one snapshot: the transaction's statements are sent together, so an answer takes one round trip,
/// and none of them stays open when the caller goes away.
async fn ask(client: &Object, numbers: &Numbers, plan: &Plan) -> Result<(Stamp, Vec<Timeline>), Error> {
    let trouble = translate("cannot read timelines");
    let monitors: Vec<MonitorId> = numbers.wanted.iter().flatten().copied().collect();
    let mut fold = Fold::new(plan, monitors.iter().map(|id| (*id, None)));
    let pieces = Pieces::of(plan);
    let question = Question::prepare(client, &pieces, &fold, numbers.known).await?;
    let stamp = client.prepare_cached(STAMP).await.map_err(&trouble)?;
    let latest = client.prepare_cached(LATEST).await.map_err(&trouble)?;
    let (begun, stamp, latest, asked, ended) = future::join5(
        client.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"),
        client.query_one(&stamp, &[]),
        client.query(&latest, &[&monitors]),
        question.ask(client, &pieces, &mut fold),
        client.batch_execute("COMMIT"),
    )
    .await;
    begun.map_err(&trouble)?;
    let stamp = stamp.map_err(&trouble)?;
    for (monitor, latest) in latest.map_err(&trouble)?.iter().map(read_latest) {
        fold.latest(monitor, latest);
    }
    asked?;
    ended.map_err(&trouble)?;
    let stamp = Stamp { next: stamp.get(0), names: stamp.get(1) };
    Ok((stamp, fold.finish(&numbers.wanted)))
}

impl PgRepository {
    /// Returns the numbers of keys as they are now.
    pub(super) async fn current(&self, client: &Object, keys: &[MonitorKey]) -> Result<Numbers, Error> {
        let trouble = translate("cannot read the state of the store");
        let statement = client.prepare_cached(STAMP).await.map_err(&trouble)?;
        for _ in 0..TRIES {
            let row = client.query_one(&statement, &[]).await.map_err(&trouble)?;
            let numbers = self.names.look(keys);
            if numbers.stamp == (Stamp { next: row.get(0), names: row.get(1) }) {
                return Ok(numbers);
            }
            self.names.refresh(client).await?;
        }
        Err(restless())
    }
}
