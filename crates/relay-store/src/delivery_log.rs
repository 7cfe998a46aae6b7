//! What notifications have to deliver and what they have delivered, for a person who asks.

use std::sync::Arc;

use relay_core::{
    delivery::{Conversation, Delivery},
    ports::{
        Clock,
        repository::{Error, Maintenance as _, Outbox as _},
    },
};

use crate::{Options, PgRepository, sqlite};

/// Everything that is known about deliveries. No secrets are kept with them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryLog {
    /// Where something is to be delivered, the oldest first.
    pub open: Vec<Conversation>,
    /// Messages that were settled, newest first.
    pub settled: Vec<Delivery>,
}

/// Reads the log, at most `limit` entries of each kind. It may be read while a server works on the store; an SQLite file
/// is only read.
///
/// # Errors
/// [`Error::Unavailable`], also when there is no store yet; [`Error::Corrupt`]. For PostgreSQL see also
/// [`PgRepository::open`].
pub async fn delivery_log(options: Options, limit: u32, clock: Arc<dyn Clock>) -> Result<DeliveryLog, Error> {
    match options {
        Options::Sqlite(options) => {
            let task = tokio::task::spawn_blocking(move || sqlite::look_at_outbox(&options.path, limit));
            let broken = |error| Error::Unavailable {
                reason: "reading was broken off".to_owned(),
                source: Some(Box::new(error)),
            };
            let (open, settled) = task.await.map_err(broken)??;
            Ok(DeliveryLog { open, settled })
        }
        Options::Postgres(options) => {
            let store = PgRepository::open(&options, clock).await?;
            let mut open = Vec::new();
            for (notification, _) in store.cursors().await? {
                open.extend(store.upcoming(&notification, limit).await?);
            }
            open.retain(|conversation| conversation.waits_since().is_some());
            open.sort_by_key(Conversation::waits_since);
            open.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
            let settled = store.deliveries(limit).await?;
            store.close().await?;
            Ok(DeliveryLog { open, settled })
        }
    }
}
