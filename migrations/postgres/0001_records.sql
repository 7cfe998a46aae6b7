-- Monitors, records, rollups, states and events. Everything lives in the schema `relay`.
--
-- Several processes may write. Whoever changes anything below first locks the one row of store_state, by updating it:
-- so numbers become visible in their order, and rows that are read, changed and written back do not race. There are no
-- foreign keys: under that lock they can only cost time.
--
-- Rows that are rewritten while their slot or day lasts have room to grow on their page (fillfactor), and none of the
-- columns that change is indexed: so a rewrite touches no index, and what it leaves behind is reused without a vacuum.

-- Every monitor that ever had a record. The number stands for the key everywhere else; it is never used again for
-- another key.
CREATE TABLE monitors (
    id       bigint PRIMARY KEY,
    provider text COLLATE "C" NOT NULL,
    service  text COLLATE "C" NOT NULL,
    channel  text COLLATE "C" NOT NULL,
    model    text COLLATE "C" NOT NULL,
    UNIQUE (provider, service, channel, model)
);

-- The raw records by a growing number, so that an append touches the last pages only. Rollups answer questions about
-- monitors and times. Operators may delete old rows at any time; the index on time, which costs next to nothing, lets
-- them find those.
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
    id         bigint PRIMARY KEY,
    monitor_id bigint NOT NULL,
    timestamp  bigint NOT NULL,
    latency    bigint NOT NULL,
    http_code  integer NOT NULL,
    status     smallint NOT NULL,
    sub_status smallint,
    source     smallint NOT NULL,
    run_id     bigint,
    timings    bytea,
    detail     text
);

CREATE INDEX probe_history_timestamp ON probe_history USING brin (timestamp) WITH (pages_per_range = 64, autosummarize = on);

-- The newest record of each monitor by (timestamp, record_id); it outlives the raw record.
CREATE TABLE latest (
    monitor_id     bigint PRIMARY KEY,
    record_id      bigint NOT NULL,
    timestamp      bigint NOT NULL,
    latency        bigint NOT NULL,
    first_token_ms bigint,
    http_code      integer NOT NULL,
    status         smallint NOT NULL,
    sub_status     smallint
) WITH (fillfactor = 50);

-- Counts per half-hour slot (its first second) and monitor, one packed tally each.
CREATE TABLE slot_rollups (
    slot       bigint NOT NULL,
    monitor_id bigint NOT NULL,
    tally      bytea NOT NULL,
    PRIMARY KEY (slot, monitor_id)
) WITH (fillfactor = 50);

-- The records of the same slots in short, for what is finer than a slot: time, number, status, cause, code, latency.
-- The second index pages through the history of one monitor.
CREATE TABLE slot_samples (
    slot       bigint NOT NULL,
    monitor_id bigint NOT NULL,
    samples    bytea NOT NULL,
    PRIMARY KEY (slot, monitor_id)
) WITH (fillfactor = 30);

CREATE INDEX slot_samples_of_monitor ON slot_samples (monitor_id, slot);

-- Counts per UTC day (its first second) and monitor. They are kept longer than slots and raw records.
CREATE TABLE day_rollups (
    day        bigint NOT NULL,
    monitor_id bigint NOT NULL,
    tally      bytea NOT NULL,
    PRIMARY KEY (day, monitor_id)
) WITH (fillfactor = 40);

-- Packed bytes do not get smaller by compressing them again.
ALTER TABLE slot_rollups ALTER COLUMN tally SET STORAGE EXTERNAL;
ALTER TABLE slot_samples ALTER COLUMN samples SET STORAGE EXTERNAL;
ALTER TABLE day_rollups ALTER COLUMN tally SET STORAGE EXTERNAL;

-- The event machine of a channel; no row while it has no state.
CREATE TABLE group_states (
    provider       text COLLATE "C" NOT NULL,
    service        text COLLATE "C" NOT NULL,
    channel        text COLLATE "C" NOT NULL,
    stable         smallint NOT NULL,
    down_count     bigint NOT NULL,
    known_count    bigint NOT NULL,
    last_record_id bigint NOT NULL,
    last_timestamp bigint NOT NULL,
    PRIMARY KEY (provider, service, channel)
) WITH (fillfactor = 50);

-- The machine of one model of a group.
CREATE TABLE model_states (
    provider       text COLLATE "C" NOT NULL,
    service        text COLLATE "C" NOT NULL,
    channel        text COLLATE "C" NOT NULL,
    model          text COLLATE "C" NOT NULL,
    stable         smallint NOT NULL,
    streak         smallint NOT NULL,
    last_status    smallint,
    streak_count   bigint NOT NULL,
    last_record_id bigint NOT NULL,
    last_timestamp bigint NOT NULL,
    PRIMARY KEY (provider, service, channel, model)
) WITH (fillfactor = 50);

-- DOWN and UP events. A number is never given twice, also after rows were deleted.
CREATE TABLE events (
    id                bigint PRIMARY KEY,
    provider          text COLLATE "C" NOT NULL,
    service           text COLLATE "C" NOT NULL,
    channel           text COLLATE "C" NOT NULL,
    model             text COLLATE "C" NOT NULL,
    type              text COLLATE "C" NOT NULL,
    from_status       smallint NOT NULL,
    to_status         smallint NOT NULL,
    trigger_record_id bigint NOT NULL,
    observed_at       bigint NOT NULL,
    created_at        bigint NOT NULL,
    meta              text NOT NULL
);

-- By record first: the question is always which events one record caused.
CREATE UNIQUE INDEX events_once ON events (trigger_record_id, type, provider, service, channel, model);

-- Which batch each process stored last, in the same transaction as the batch: when the connection breaks during a
-- commit, this tells whether it happened.
CREATE TABLE writers (
    id      text COLLATE "C" PRIMARY KEY,
    batch   bigint NOT NULL,
    seen_at timestamptz NOT NULL
) WITH (fillfactor = 50);

-- One row: the next numbers, and the lock of all writers.
--   names  grows whenever a number of a monitor comes to stand for another key
CREATE TABLE store_state (
    id           smallint PRIMARY KEY CHECK (id = 1),
    next_record  bigint NOT NULL,
    next_event   bigint NOT NULL,
    next_monitor bigint NOT NULL,
    names        bigint NOT NULL
) WITH (fillfactor = 10);

INSERT INTO store_state (id, next_record, next_event, next_monitor, names) VALUES (1, 1, 1, 1, 1);
