//! The store as its callers see it, on real files.

mod archive;
mod crash;
mod gate;
mod hands;
mod import;
mod killed;
mod opening;
mod postgres;
mod reference;
mod retention;
mod support;
mod takeover;
mod writer;

/// Each backend passes the suite of the repository port.
mod conformance {
    mod sqlite {
        use relay_testkit::repository_suite;

        use crate::support::Sqlite;

        repository_suite!(Sqlite);
    }

    mod postgres {
        use relay_testkit::repository_suite;

        use crate::support::postgres::Postgres;

        repository_suite!(Postgres);
    }
}
