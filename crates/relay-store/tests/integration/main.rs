//! The store as its callers see it, on real files.

mod archive;
mod crash;
mod gate;
mod hands;
mod killed;
mod opening;
mod reference;
mod retention;
mod support;
mod writer;

/// SQLite passes the suite of the repository port.
mod conformance {
    use relay_testkit::repository_suite;

    use crate::support::Sqlite;

    repository_suite!(Sqlite);
    repository_suite!(ageing Sqlite);
}
