-- Which migrations were applied. It exists before all of them, and in every database of ours.
CREATE TABLE IF NOT EXISTS relay.schema_migrations (
    version    bigint PRIMARY KEY,
    name       text NOT NULL,
    sha256     text NOT NULL,
    applied_at timestamptz NOT NULL
)
