//! `storage`: where records are kept, and for how long.

use super::{
    settings,
    values::{Count, GoDuration, GoDurationOrZero, Natural, Number, Port, SecretValue, Text},
    words::{ArchiveFormat, SslMode, StorageType},
};
use crate::{
    reader::{Read, Reader, Tentative},
    yaml::Node,
};

settings! {
    /// Where records are kept. Read at start only: changes need a restart.
    pub(crate) struct Storage {
        /// `sqlite` or `postgres`. Environment: `MONITOR_STORAGE_TYPE`.
        r#type: StorageType = StorageType::Sqlite,
        /// For `type: sqlite`.
        sqlite: Sqlite = Sqlite::default(),
        /// For `type: postgres`.
        postgres: Postgres,
        /// How long records stay.
        retention: Retention = Retention::default(),
        /// Copies of old records in files.
        archive: WhenEnabled = WhenEnabled::default(),
    }
}

settings! {
    /// The SQLite database.
    pub(crate) struct Sqlite {
        /// The database file, relative to the working directory. Environment: `MONITOR_SQLITE_PATH`.
        path: Text = Text::new("monitor.db"),
    }
}

settings! {
    /// The PostgreSQL database.
    pub(crate) struct Postgres {
        /// The server. Required. Environment: `MONITOR_POSTGRES_HOST`.
        host: Text,
        /// Its port. Environment: `MONITOR_POSTGRES_PORT`.
        port: Port = Port(5432),
        /// Who connects. Required. Environment: `MONITOR_POSTGRES_USER`.
        user: Text,
        /// The password; `${NAME}` stands for a variable. Environment: `MONITOR_POSTGRES_PASSWORD`.
        password: SecretValue,
        /// The database. Required. Environment: `MONITOR_POSTGRES_DATABASE`.
        database: Text,
        /// How the connection is protected, in libpq's words. `disable`: not at all. `prefer`: encrypted when the
        /// server can. `require`: encrypted, but anybody's certificate will do. `verify-ca`: the certificate must come
        /// from a known authority. `verify-full`: and name the host; recommended wherever the network is not your own.
        /// Environment: `MONITOR_POSTGRES_SSLMODE`.
        sslmode: SslMode = SslMode::Disable,
        /// A file with the authorities that `verify-ca` and `verify-full` trust; otherwise those of the system.
        sslrootcert: Text,
        /// The most connections. Default 25, or 50 with `enable_concurrent_query`.
        max_open_conns: Count,
        /// Connections that stay open without work; more are closed after a minute. Default 5, or 10 with
        /// `enable_concurrent_query`.
        max_idle_conns: Count,
        /// The age at which a connection is replaced.
        conn_max_lifetime: GoDuration = GoDuration::secs(3600),
    }
}

settings! {
    /// How long records stay.
    pub(crate) struct Retention {
        /// Whether old records are deleted.
        enabled: bool = true,
        /// Days that single records stay.
        days: Count = Count(36),
        /// Days that rollups stay.
        rollup_days: Count = Count(400),
        /// Time between two clean-ups.
        cleanup_interval: GoDuration = GoDuration::secs(3600),
        /// Records deleted in one transaction.
        batch_size: Count = Count(10_000),
        /// The most transactions of one clean-up.
        max_batches_per_run: Count = Count(100),
        /// Time from start to the first clean-up; 0 for none.
        startup_delay: GoDurationOrZero = GoDurationOrZero(std::time::Duration::from_secs(60)),
        /// How much the interval varies, 0 to 1.
        jitter: Number = Number(0.2),
    }
}

settings! {
    /// Copies of old records in files, one a day.
    pub(crate) struct Archive {
        /// Whether archives are written.
        enabled: bool = false,
        /// The folder they go to.
        output_dir: Text = Text::new("./archive"),
        /// `csv` or `csv.gz`.
        format: ArchiveFormat = ArchiveFormat::CsvGz,
        /// The age in days at which a day is archived.
        archive_days: Count = Count(35),
        /// How many days further back are made up for, at most 365.
        backfill_days: Count = Count(7),
        /// Days that archives stay; 0 keeps them for ever.
        keep_days: Natural = Natural(365),
    }
}

/// The archive; as long as it is off, what is wrong with its settings does not matter.
#[derive(Debug, Clone, PartialEq, Default, serde::Serialize)]
#[serde(transparent)]
pub(crate) struct WhenEnabled(pub(crate) Archive);

impl Read for WhenEnabled {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        reader.tentatively(|reader| {
            let archive = Archive::read(node, reader).map(Self);
            // A switch that could not be read is itself worth telling.
            let unread = reader.within("enabled", |reader| reader.is_wrong());
            match &archive {
                Some(Self(settings)) if !settings.enabled() && !unread => Tentative::Forget(archive),
                _ => Tentative::Keep(archive),
            }
        })
    }

    fn fill(&mut self) {
        self.0.fill();
    }
}

impl schemars::JsonSchema for WhenEnabled {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        Archive::schema_name()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        Archive::json_schema(generator)
    }
}
