-- Monitors, records, rollups, states and events.

-- Every monitor that ever had a record. The number stands for the key everywhere else; it is never used again for
-- another key.
CREATE TABLE monitors (
    id       INTEGER PRIMARY KEY,
    provider TEXT NOT NULL,
    service  TEXT NOT NULL,
    channel  TEXT NOT NULL,
    model    TEXT NOT NULL,
    UNIQUE (provider, service, channel, model)
) STRICT;

-- The raw records, clustered by a growing number so that an append touches the last pages only. There is no index on
-- monitor or time: rollups answer questions about them. Operators may delete old rows at any time.
--   timestamp   Unix seconds at which the probe started
--   status      1 green, 2 yellow, 0 red, anything else no data
--   sub_status  0 slow_latency, 1 rate_limit, 2 server_error, 3 client_error, 4 auth_error, 5 invalid_request,
--               6 network_error, 7 content_mismatch
--   http_code   0 when no answer came
--   latency     milliseconds
--   timings     the phases in milliseconds: a byte that says which of dns, connect, tls, first token and total are
--               known (bits 0 to 4), then each as a varint, the last two as the zigzag distance from the latency
--   source      0 schedule, 1 manual, 2 gateway
--   run_id      which run of a manual or gateway probe it belongs to
CREATE TABLE probe_history (
    id         INTEGER PRIMARY KEY,
    monitor_id INTEGER NOT NULL REFERENCES monitors (id),
    timestamp  INTEGER NOT NULL,
    status     INTEGER NOT NULL,
    sub_status INTEGER,
    http_code  INTEGER NOT NULL,
    latency    INTEGER NOT NULL,
    timings    BLOB,
    detail     TEXT,
    source     INTEGER NOT NULL,
    run_id     INTEGER
) STRICT;

-- The newest record of each monitor by (timestamp, record_id), as of store_state; it outlives the raw record.
CREATE TABLE latest (
    monitor_id     INTEGER PRIMARY KEY REFERENCES monitors (id),
    record_id      INTEGER NOT NULL,
    timestamp      INTEGER NOT NULL,
    status         INTEGER NOT NULL,
    sub_status     INTEGER,
    http_code      INTEGER NOT NULL,
    latency        INTEGER NOT NULL,
    first_token_ms INTEGER
) STRICT;

-- Counts per half-hour slot (its first second) and monitor, one packed tally each. A row counts only when its slot is
-- not held in memory; see store_state.
CREATE TABLE slot_rollups (
    slot       INTEGER NOT NULL,
    monitor_id INTEGER NOT NULL REFERENCES monitors (id),
    tally      BLOB NOT NULL,
    PRIMARY KEY (slot, monitor_id)
) WITHOUT ROWID, STRICT;

-- The records of the same slots in short, for what is finer than a slot: time, number, status, cause, code, latency.
CREATE TABLE slot_samples (
    slot       INTEGER NOT NULL,
    monitor_id INTEGER NOT NULL REFERENCES monitors (id),
    samples    BLOB NOT NULL,
    PRIMARY KEY (slot, monitor_id)
) WITHOUT ROWID, STRICT;

-- Counts per UTC day (its first second) and monitor. They are kept longer than slots and raw records. A row counts only
-- when its day is not held in memory; see store_state.
CREATE TABLE day_rollups (
    day        INTEGER NOT NULL,
    monitor_id INTEGER NOT NULL REFERENCES monitors (id),
    tally      BLOB NOT NULL,
    PRIMARY KEY (day, monitor_id)
) WITHOUT ROWID, STRICT;

-- The event machines of a group (provider, service, channel), as they were after record seen_record_id. What came after
-- is replayed at start; follows says whether records move the states at all. The channel columns are NULL while there
-- is no channel state.
CREATE TABLE group_states (
    provider               TEXT NOT NULL,
    service                TEXT NOT NULL,
    channel                TEXT NOT NULL,
    seen_record_id         INTEGER NOT NULL,
    follows                INTEGER NOT NULL,
    channel_stable         INTEGER,
    channel_down_count     INTEGER,
    channel_known_count    INTEGER,
    channel_last_record_id INTEGER,
    channel_last_timestamp INTEGER,
    PRIMARY KEY (provider, service, channel)
) WITHOUT ROWID, STRICT;

-- The machine of one model of a group.
CREATE TABLE model_states (
    provider       TEXT NOT NULL,
    service        TEXT NOT NULL,
    channel        TEXT NOT NULL,
    model          TEXT NOT NULL,
    stable         INTEGER NOT NULL,
    streak_count   INTEGER NOT NULL,
    streak         INTEGER NOT NULL,
    last_record_id INTEGER NOT NULL,
    last_timestamp INTEGER NOT NULL,
    last_status    INTEGER,
    PRIMARY KEY (provider, service, channel, model)
) WITHOUT ROWID, STRICT;

-- DOWN and UP events. AUTOINCREMENT: a number is never given twice, also after rows were deleted.
CREATE TABLE events (
    id                INTEGER PRIMARY KEY AUTOINCREMENT,
    provider          TEXT NOT NULL,
    service           TEXT NOT NULL,
    channel           TEXT NOT NULL,
    model             TEXT NOT NULL,
    type              TEXT NOT NULL,
    from_status       INTEGER NOT NULL,
    to_status         INTEGER NOT NULL,
    trigger_record_id INTEGER NOT NULL,
    observed_at       INTEGER NOT NULL,
    created_at        INTEGER NOT NULL,
    meta              TEXT NOT NULL,
    UNIQUE (provider, service, channel, model, type, trigger_record_id)
) STRICT;

-- One row: where the stored part of the data ends and the part that is held in memory begins.
--   held_from       first second of the first held slot, NULL before the first record
--   tail_from       records from this number on may be missing in slot_rollups, day_rollups, latest and the states
--   next_record_id  the number the next record was to get; raw records may say more
--   sealed_until    days before this second are never held: their counts may come from elsewhere
CREATE TABLE store_state (
    id             INTEGER PRIMARY KEY CHECK (id = 1),
    held_from      INTEGER,
    tail_from      INTEGER NOT NULL,
    next_record_id INTEGER NOT NULL,
    sealed_until   INTEGER NOT NULL
) STRICT;

INSERT INTO store_state (id, held_from, tail_from, next_record_id, sealed_until)
VALUES (1, NULL, 1, 1, -9223372036854775808);
