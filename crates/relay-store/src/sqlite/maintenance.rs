use async_trait::async_trait;
use relay_core::ports::repository::{DayRollup, Error, Maintenance};
use rusqlite::params;

use super::{
    SqliteRepository,
    error::translate,
    records::register,
    write::{begin, prepare},
};
use crate::{head::day_of, packing};

#[async_trait]
impl Maintenance for SqliteRepository {
    async fn ping(&self) -> Result<(), Error> {
        self.readers
            .run(|connection| {
                connection.query_row("SELECT id FROM store_state", [], |_| Ok(())).map_err(translate)
            })
            .await?;
        // Taking the write lock and letting go of it writes nothing.
        self.writer.run(|side| begin(&mut side.connection)?.rollback().map_err(translate)).await
    }

    async fn import_days(&self, days: Vec<DayRollup>) -> Result<(), Error> {
        self.writer
            .run(move |side| {
                let today = day_of(side.clock.now().as_secs());
                if let Some(late) = days.iter().find(|rollup| rollup.day >= today) {
                    return Err(Error::Conflict {
                        reason: format!("the day that starts at {} is not over yet", late.day),
                    });
                }
                // A day that is still in memory would be written again, over the import, when it closes.
                if side.head.read().closed_before() < today {
                    side.close_before(today)?;
                }
                let mut new = Vec::new();
                let transaction = begin(&mut side.connection)?;
                for rollup in &days {
                    let known = side.head.read().id_of(&rollup.key);
                    let id = match known {
                        Some(id) => id,
                        None => register(&transaction, &mut new, &rollup.key)?,
                    };
                    let day = day_of(rollup.day);
                    prepare(&transaction, include_str!("sql/day_rollups/upsert.sql"))?
                        .execute(params![day, id, packing::pack_tally(&rollup.tally, day)])
                        .map_err(translate)?;
                }
                let mut head = side.head.write();
                transaction.commit().map_err(translate)?;
                for (key, id) in new {
                    head.register(key, id);
                }
                Ok(())
            })
            .await
    }

    async fn close(&self) -> Result<(), Error> {
        self.readers.close();
        self.writer.close();
        Ok(())
    }
}
