//! Hearing of commits: a connection of its own that listens to what every append notifies, and is made again when it is
//! lost.

use std::{convert::Infallible, future::poll_fn};

use async_trait::async_trait;
use relay_core::ports::repository::Commits;
use tokio::time::{Duration, sleep, timeout};
use tokio_postgres::{AsyncMessage, Client, Socket, tls::TlsStream};

use super::{PgRepository, append::CHANNELS};

/// From one try to connect to the next.
const AGAIN: Duration = Duration::from_secs(1);

#[async_trait]
impl Commits for PgRepository {
    async fn listen(&self, wake: &(dyn Fn() + Send + Sync)) {
        let mut is_lost = false;
        loop {
            let Err(reason) = self.hear(wake, &mut is_lost).await;
            // Followers look by themselves every now and then; this is about being quick.
            if !std::mem::replace(&mut is_lost, true) {
                tracing::warn!(reason, "cannot hear of what other processes store, trying again");
            }
            sleep(AGAIN).await;
        }
    }
}

impl PgRepository {
    /// Listens until the connection is lost, and says why it was.
    async fn hear(&self, wake: &(dyn Fn() + Send + Sync), is_lost: &mut bool) -> Result<Infallible, String> {
        let (config, tls) = self.pool.dial();
        let connecting = timeout(self.patience, config.connect(tls)).await;
        let (client, mut connection) = connecting
            .map_err(|_| "the server does not answer".to_owned())?
            .map_err(|error| error.to_string())?;
        let mut subscribed = Box::pin(subscribe(&client));
        let mut is_subscribed = false;
        loop {
            tokio::select! {
                message = next(&mut connection) => match message {
                    Some(Ok(AsyncMessage::Notification(_))) => wake(),
                    Some(Ok(_)) => {}
                    Some(Err(error)) => return Err(error.to_string()),
                    None => return Err("the connection was closed".to_owned()),
                },
                answer = &mut subscribed, if !is_subscribed => {
                    answer.map_err(|error| error.to_string())?;
                    is_subscribed = true;
                    if std::mem::take(is_lost) {
                        tracing::info!("hearing of what other processes store again");
                    }
                    // What was committed before that made no sound.
                    wake();
                }
            }
        }
    }
}

async fn subscribe(client: &Client) -> Result<(), tokio_postgres::Error> {
    client.batch_execute(&CHANNELS.map(|channel| format!("LISTEN {channel}")).join(";")).await
}

async fn next<T: TlsStream + Unpin>(
    connection: &mut tokio_postgres::Connection<Socket, T>,
) -> Option<Result<AsyncMessage, tokio_postgres::Error>> {
    poll_fn(|context| connection.poll_message(context)).await
}
