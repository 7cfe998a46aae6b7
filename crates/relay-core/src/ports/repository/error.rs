use std::error::Error as StdError;

/// Why the repository could not do what was asked. Absence is no error: look-ups return `Option` or empty lists.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The backend cannot be reached or is busy, the disk is full, a lock did not come free: trying again may help.
    #[error("the store is unavailable: {reason}")]
    Unavailable {
        /// What the backend said, without secrets.
        reason: String,
        /// The driver's error.
        #[source]
        source: Option<Box<dyn StdError + Send + Sync>>,
    },
    /// Another process owns the database, or changed what this one was changing: trying again as it is will not help.
    #[error("conflict in the store: {reason}")]
    Conflict {
        /// What collided.
        reason: String,
    },
    /// What is stored cannot be understood: an operator must look.
    #[error("the store is corrupt: {reason}")]
    Corrupt {
        /// Table, column and row as far as known.
        reason: String,
    },
    /// The database was made by a newer version, or the request is not possible on this backend.
    #[error("not supported by the store: {reason}")]
    Unsupported {
        /// What is not supported, and what to do.
        reason: String,
    },
}
