-- The columns of the Go version, whose reader reads this, and the newer ones. Nothing of it outlives the import, so
-- nothing need be safe. Numbers may be there twice.
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE probe_history (
    id             INTEGER NOT NULL,
    provider       TEXT NOT NULL,
    service        TEXT NOT NULL,
    channel        TEXT NOT NULL,
    model          TEXT NOT NULL,
    status         INTEGER NOT NULL,
    sub_status     TEXT NOT NULL,
    http_code      INTEGER NOT NULL,
    latency        INTEGER NOT NULL,
    timestamp      INTEGER NOT NULL,
    error_detail   TEXT NOT NULL,
    dns_ms         INTEGER,
    connect_ms     INTEGER,
    tls_ms         INTEGER,
    first_token_ms INTEGER,
    total_ms       INTEGER,
    source         INTEGER NOT NULL
);
