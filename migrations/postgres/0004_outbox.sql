-- Who was told of events, and who is yet to be.

-- How far the event log was read for each notification that was ever seen and not forgotten.
CREATE TABLE outbox_cursors (
    notification text COLLATE "C" PRIMARY KEY,
    event_id     bigint NOT NULL
) WITH (fillfactor = 50);

-- What is open between a notification and a channel. Times are in milliseconds since the Unix epoch.
--   version      changes with every change, and is never one that the row had before
--   due          when there is something to do next, NULL when only an event can change anything
--   waits_since  when the oldest event that waits to be told was stored, Unix seconds, NULL when none does
--   content      what was told and what is to be told, as JSON
CREATE TABLE outbox_conversations (
    notification text COLLATE "C" NOT NULL,
    provider     text COLLATE "C" NOT NULL,
    service      text COLLATE "C" NOT NULL,
    channel      text COLLATE "C" NOT NULL,
    version      bigint NOT NULL,
    due          bigint,
    waits_since  bigint,
    content      text NOT NULL,
    PRIMARY KEY (notification, provider, service, channel)
);

CREATE INDEX outbox_conversations_due ON outbox_conversations (notification, due);

-- The log of settled messages; the oldest are removed when there are many.
--   key         the idempotency key that every attempt had
--   delivered   whether it arrived, or was given up
--   items       how many things it told
--   event_id    the newest event it told of
--   since       when the first attempt was begun, milliseconds since the Unix epoch, as settled_at
--   last_error  why the last failed attempt failed
CREATE TABLE outbox_deliveries (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    notification text COLLATE "C" NOT NULL,
    provider     text COLLATE "C" NOT NULL,
    service      text COLLATE "C" NOT NULL,
    channel      text COLLATE "C" NOT NULL,
    key          text NOT NULL,
    delivered    boolean NOT NULL,
    attempts     bigint NOT NULL,
    items        bigint NOT NULL,
    event_id     bigint NOT NULL,
    since        bigint NOT NULL,
    settled_at   bigint NOT NULL,
    last_error   text
);
