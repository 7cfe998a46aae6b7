//! Where records are kept.

use std::path::PathBuf;

use crate::{
    config::{Archive, ArchiveFormat, Backend, Postgres, Retention, SslMode, Storage},
    inherit::{given, text},
    reader::{Located, Reader},
    schema::{root::Root, storage as typed, words},
    yaml::Mark,
};

/// Resolves `storage` and tells of settings that do not go together.
pub(super) fn resolve(root: &Root, reader: &mut Reader<'_>) -> Storage {
    let storage = root.storage();
    let mark = root.storage.as_ref().map(|at| at.mark).unwrap_or_default();
    compatibility(root, &storage, reader);
    reader.within("storage", |reader| {
        let backend = match storage.r#type() {
            words::StorageType::Sqlite => Backend::Sqlite(path(&storage.sqlite(), reader)),
            words::StorageType::Postgres => Backend::Postgres(
                reader.within("postgres", |reader| postgres(storage.postgres.as_ref(), mark, root, reader)),
            ),
        };
        let retention = reader.within("retention", |reader| retention(&storage.retention(), reader));
        let archive = reader.within("archive", |reader| archive(&storage.archive().0, &retention, reader));
        Storage { backend, retention, archive }
    })
}

fn path(typed: &typed::Sqlite, reader: &mut Reader<'_>) -> PathBuf {
    if let Some(at) = typed.path.as_ref().filter(|at| at.value.0.contains("${")) {
        let message = "${ is a part of the path as it stands; MONITOR_SQLITE_PATH names another file";
        reader.within("sqlite.path", |reader| reader.warn(at.mark, message));
    }
    PathBuf::from(typed.path().0.trim())
}

fn compatibility(root: &Root, storage: &typed::Storage, reader: &mut Reader<'_>) {
    let set = [
        ("enable_concurrent_query", root.enable_concurrent_query.as_ref().map(|at| at.mark)),
        ("concurrent_query_limit", root.concurrent_query_limit.as_ref().map(|at| at.mark)),
        ("enable_batch_query", root.enable_batch_query.as_ref().map(|at| at.mark)),
        ("batch_query_max_keys", root.batch_query_max_keys.as_ref().map(|at| at.mark)),
        ("enable_db_timeline_agg", root.enable_db_timeline_agg.as_ref().map(|at| at.mark)),
    ];
    if let Some((key, mark)) = set.into_iter().find_map(|(key, mark)| Some((key, mark?))) {
        reader.within(key, |reader| {
            reader.info(
                mark,
                "accepted for compatibility: status is always answered with a constant number of queries, so the \
                 query settings change only the defaults of the PostgreSQL pool",
            );
        });
    }
    if root.enable_concurrent_query() && storage.r#type() == words::StorageType::Sqlite {
        let mark = root.enable_concurrent_query.as_ref().map(|at| at.mark).unwrap_or_default();
        reader.within("enable_concurrent_query", |reader| reader.warn(mark, "has no effect on sqlite"));
    }
}

fn postgres(
    typed: Option<&Located<typed::Postgres>>,
    outer: Mark,
    root: &Root,
    reader: &mut Reader<'_>,
) -> Postgres {
    let mark = typed.map_or(outer, |at| at.mark);
    let typed = typed.map(|at| at.value.clone()).unwrap_or_default();
    for (key, field) in [("host", &typed.host), ("user", &typed.user), ("database", &typed.database)] {
        if given(field).is_none() {
            reader.within(key, |reader| reader.error(mark, "required when storage.type is postgres"));
        }
    }
    let concurrent = root.enable_concurrent_query();
    let (open, idle) = if concurrent { (50, 10) } else { (25, 5) };
    let max_open_conns = typed.max_open_conns.as_ref().map_or(open, |at| at.value.0);
    let max_idle_conns = typed.max_idle_conns.as_ref().map_or(idle, |at| at.value.0);
    if concurrent && max_open_conns < root.concurrent_query_limit().0 {
        let mark = typed.max_open_conns.as_ref().map_or(mark, |at| at.mark);
        reader.within("max_open_conns", |reader| reader.warn(mark, "smaller than concurrent_query_limit"));
    }
    Postgres {
        host: text(&typed.host).to_owned(),
        port: typed.port().0,
        user: text(&typed.user).to_owned(),
        password: typed.password.as_ref().map(|at| at.value.value.clone()).unwrap_or_default(),
        database: text(&typed.database).to_owned(),
        sslmode: match typed.sslmode() {
            words::SslMode::Disable => SslMode::Disable,
            words::SslMode::Prefer => SslMode::Prefer,
            words::SslMode::Require => SslMode::Require,
            words::SslMode::VerifyCa => SslMode::VerifyCa,
            words::SslMode::VerifyFull => SslMode::VerifyFull,
        },
        sslrootcert: given(&typed.sslrootcert).map(|at| PathBuf::from(at.value.0.trim())),
        max_open_conns: max_open_conns as usize,
        max_idle_conns: max_idle_conns.min(max_open_conns) as usize,
        conn_max_lifetime: typed.conn_max_lifetime().0,
    }
}

fn retention(typed: &typed::Retention, reader: &mut Reader<'_>) -> Retention {
    let jitter = typed.jitter().0;
    if !(0.0..=1.0).contains(&jitter) {
        let mark = typed.jitter.as_ref().map(|at| at.mark).unwrap_or_default();
        reader.within("jitter", |reader| reader.error(mark, "must be between 0 and 1"));
    }
    Retention {
        enabled: typed.enabled(),
        days: typed.days().0,
        rollup_days: typed.rollup_days().0,
        cleanup_interval: typed.cleanup_interval().0,
        batch_size: typed.batch_size().0,
        max_batches_per_run: typed.max_batches_per_run().0,
        startup_delay: typed.startup_delay().0,
        jitter,
    }
}

fn archive(typed: &typed::Archive, retention: &Retention, reader: &mut Reader<'_>) -> Option<Archive> {
    if !typed.enabled() {
        return None;
    }
    let (archive_days, backfill_days) = (typed.archive_days().0, typed.backfill_days().0);
    if backfill_days > 365 {
        let mark = typed.backfill_days.as_ref().map(|at| at.mark).unwrap_or_default();
        reader.within("backfill_days", |reader| reader.error(mark, "must be at most 365"));
    }
    if retention.enabled {
        let mark = typed
            .archive_days
            .as_ref()
            .or(typed.backfill_days.as_ref())
            .map(|at| at.mark)
            .unwrap_or_default();
        let last = archive_days.saturating_add(backfill_days).saturating_sub(1);
        let message = if archive_days >= retention.days {
            Some("not below retention.days: records are deleted before they are archived")
        } else if last >= retention.days {
            Some(
                "with backfill_days reaches beyond retention.days: what is made up for may be deleted already",
            )
        } else {
            None
        };
        if let Some(message) = message {
            reader.within("archive_days", |reader| reader.warn(mark, message));
        }
    }
    Some(Archive {
        output_dir: PathBuf::from(typed.output_dir().0.trim()),
        format: match typed.format() {
            words::ArchiveFormat::Csv => ArchiveFormat::Csv,
            words::ArchiveFormat::CsvGz => ArchiveFormat::CsvGz,
        },
        archive_days,
        backfill_days,
        keep_days: Some(typed.keep_days().0).filter(|days| *days > 0),
    })
}
