-- The first schema. Times are Unix seconds, latencies milliseconds. Blobs are packed as crates/relay-store/src/packing.rs
-- documents, each starting with a version byte.

-- Every monitor ever seen; rows are never deleted, so that ids in the other tables keep their meaning.
CREATE TABLE monitors (
    id       INTEGER PRIMARY KEY,
    provider TEXT NOT NULL,
    service  TEXT NOT NULL,
    channel  TEXT NOT NULL,
    model    TEXT NOT NULL,
    UNIQUE (provider, service, channel, model)
) STRICT;

-- Raw records, clustered by their growing id so that appending touches one page. Deliberately without a second index:
-- an index by monitor would dirty one page per record. Reading by monitor goes through the ids in slot_rollups.samples.
-- Operators may delete from it by timestamp.
CREATE TABLE probe_history (
    id         INTEGER PRIMARY KEY,
    monitor_id INTEGER NOT NULL,
    timestamp  INTEGER NOT NULL,  -- start of the probe
    status     INTEGER NOT NULL,  -- 1 green, 2 yellow, 0 red, -1 missing
    sub_status INTEGER,           -- index of the cause, NULL when green
    http_code  INTEGER NOT NULL,  -- 0 when there was no answer
    latency    INTEGER NOT NULL,  -- to the response headers
    timings    BLOB,              -- packed dns, connect, tls, first token and total
    detail     TEXT,
    source     INTEGER NOT NULL,  -- 0 schedule, 1 manual, 2 gateway
    run_id     INTEGER            -- groups the records of one manual run
) STRICT;

-- Counts of one monitor in one closed UTC half hour, and its records in short form. Rows of a slot are written together
-- when the slot closes, so the table grows at its end; 24 hours of all monitors are one range.
CREATE TABLE slot_rollups (
    slot       INTEGER NOT NULL,  -- start of the half hour
    monitor_id INTEGER NOT NULL,
    tally      BLOB NOT NULL,
    samples    BLOB NOT NULL,
    PRIMARY KEY (slot, monitor_id)
) STRICT, WITHOUT ROWID;

-- Counts of one monitor on one closed UTC day.
CREATE TABLE day_rollups (
    day        INTEGER NOT NULL,  -- start of the day
    monitor_id INTEGER NOT NULL,
    tally      BLOB NOT NULL,
    PRIMARY KEY (day, monitor_id)
) STRICT, WITHOUT ROWID;

-- The newest record of each monitor as of the last closed slot; the open tail of probe_history says what came since.
CREATE TABLE latest (
    monitor_id     INTEGER PRIMARY KEY,
    record_id      INTEGER NOT NULL,
    timestamp      INTEGER NOT NULL,
    status         INTEGER NOT NULL,
    sub_status     INTEGER,
    http_code      INTEGER NOT NULL,
    latency        INTEGER NOT NULL,
    first_token_ms INTEGER
) STRICT;

-- State of each monitor's DOWN/UP machine at its last change of direction or at the last closed slot, whichever is
-- newer; the streak since then is counted from the open tail.
CREATE TABLE model_states (
    monitor_id     INTEGER PRIMARY KEY,
    stable         INTEGER NOT NULL,  -- -1 unknown, 0 down, 1 up
    streak         INTEGER NOT NULL,  -- direction of the last records, as stable
    streak_count   INTEGER NOT NULL,
    last_record_id INTEGER NOT NULL,
    last_timestamp INTEGER NOT NULL,
    last_status    INTEGER            -- NULL before the first record
) STRICT;

-- State of each channel's machine, written whenever its counts or its stable state change.
CREATE TABLE channel_states (
    provider       TEXT NOT NULL,
    service        TEXT NOT NULL,
    channel        TEXT NOT NULL,
    stable         INTEGER NOT NULL,
    down_count     INTEGER NOT NULL,
    known_count    INTEGER NOT NULL,
    last_record_id INTEGER NOT NULL,
    last_timestamp INTEGER NOT NULL,
    PRIMARY KEY (provider, service, channel)
) STRICT, WITHOUT ROWID;

-- DOWN and UP events. AUTOINCREMENT: an id is never given twice, not even after the newest event was deleted, so that
-- clients that poll by id miss nothing.
CREATE TABLE events (
    id                INTEGER PRIMARY KEY AUTOINCREMENT,
    provider          TEXT NOT NULL,
    service           TEXT NOT NULL,
    channel           TEXT NOT NULL,
    model             TEXT NOT NULL,
    type              TEXT NOT NULL,     -- DOWN or UP
    from_status       INTEGER NOT NULL,
    to_status         INTEGER NOT NULL,
    trigger_record_id INTEGER NOT NULL,
    observed_at       INTEGER NOT NULL,  -- time of the record
    created_at        INTEGER NOT NULL,  -- time of the commit
    meta              TEXT NOT NULL,     -- JSON
    UNIQUE (provider, service, channel, model, type, trigger_record_id)
) STRICT;

-- One row: how far slots are closed.
CREATE TABLE store_state (
    id            INTEGER PRIMARY KEY CHECK (id = 1),
    closed_before INTEGER NOT NULL,  -- slots that start before this are in slot_rollups, later ones in memory
    tail_id       INTEGER NOT NULL,  -- no record of an open slot has a lower id
    next_id       INTEGER NOT NULL   -- ids below this were given, also when their records are deleted
) STRICT;
INSERT INTO store_state VALUES (1, 0, 1, 1);
