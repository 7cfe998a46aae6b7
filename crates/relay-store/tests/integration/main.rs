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

/// Each backend passes the suite of the repository port.
mod conformance {
    mod sqlite {
        use relay_testkit::repository_suite;

        use crate::support::Sqlite;

<<<<<<< HEAD
    repository_suite!(Sqlite);
    repository_suite!(ageing Sqlite);
=======
        repository_suite!(Sqlite);
    }

    mod postgres {
        use relay_testkit::repository_suite;

        use crate::support::postgres::Postgres;

        repository_suite!(Postgres);
    }
>>>>>>> ca4a7b4 (Store in PostgreSQL as well)
}
