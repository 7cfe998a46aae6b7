-- Who was told of events, and who is yet to be.

-- How far the event log was read for each notification that was ever seen and not forgotten.
CREATE TABLE outbox_cursors (
    notification TEXT PRIMARY KEY,
    event_id     INTEGER NOT NULL
) WITHOUT ROWID, STRICT;

-- What is open between a notification and a channel. Times are in milliseconds since the Unix epoch.
--   version      changes with every change, and is never one that the row had before
--   due          when there is something to do next, NULL when only an event can change anything
--   waits_since  when the oldest event that waits to be told was stored, Unix seconds, NULL when none does
--   content      what was told and what is to be told, as JSON
CREATE TABLE outbox_conversations (
    notification TEXT NOT NULL,
    provider     TEXT NOT NULL,
    service      TEXT NOT NULL,
    channel      TEXT NOT NULL,
    version      INTEGER NOT NULL,
    due          INTEGER,
    waits_since  INTEGER,
    content      TEXT NOT NULL,
    PRIMARY KEY (notification, provider, service, channel)
) WITHOUT ROWID, STRICT;

CREATE INDEX outbox_conversations_due ON outbox_conversations (notification, due);

-- The log of settled messages; the oldest are removed when there are many.
--   key         the idempotency key that every attempt had
--   delivered   1 when it arrived, 0 when it was given up
--   items       how many things it told
--   event_id    the newest event it told of
--   since       when the first attempt was begun, milliseconds since the Unix epoch, as settled_at
--   last_error  why the last failed attempt failed
CREATE TABLE outbox_deliveries (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    notification TEXT NOT NULL,
    provider     TEXT NOT NULL,
    service      TEXT NOT NULL,
    channel      TEXT NOT NULL,
    key          TEXT NOT NULL,
    delivered    INTEGER NOT NULL,
    attempts     INTEGER NOT NULL,
    items        INTEGER NOT NULL,
    event_id     INTEGER NOT NULL,
    since        INTEGER NOT NULL,
    settled_at   INTEGER NOT NULL,
    last_error   TEXT
) STRICT;
