use async_trait::async_trait;

use crate::{
    MonitorKey,
    ports::repository::Error,
    timeline::{Plan, Timeline},
};

/// History cut into buckets.
#[async_trait]
pub trait Timelines: Send + Sync {
    /// Returns the timeline of each key, in the order of `keys`: the records that `plan` counts, in the buckets it
    /// puts them in; a key never seen gives an empty timeline with all its buckets.
    ///
    /// Equal to counting every raw record one by one, whatever rollups the backend reads instead, as long as the raw
    /// records still exist; beyond their retention, equal to what that count was. The number of queries does not
    /// depend on the number of keys or records. Latency sketches are filled in `Timeline::whole` always, in buckets
    /// only when the plan asks for them.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Corrupt`].
    async fn timelines(&self, keys: &[MonitorKey], plan: &Plan) -> Result<Vec<Timeline>, Error>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timelines_is_dyn_compatible() {
        fn takes(_: Option<&dyn Timelines>) {}
        takes(None);
    }
}
