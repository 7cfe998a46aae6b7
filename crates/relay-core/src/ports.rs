//! The traits through which the crates meet. Each file holds one port with its contract; drivers document only where
//! they differ.

pub mod catalog;
pub mod clock;
pub mod feed;
pub mod health;
pub mod metrics;
pub mod pages;
pub mod probe_requests;
pub mod prober;
pub mod repository;
pub mod sink;
pub mod transition;

pub use catalog::Catalog;
pub use clock::Clock;
pub use feed::{Feed, Subscription};
pub use health::Health;
pub use metrics::MetricSource;
pub use pages::Pages;
pub use probe_requests::ProbeRequests;
pub use prober::Prober;
pub use repository::Repository;
pub use sink::RecordSink;
pub use transition::Transition;
