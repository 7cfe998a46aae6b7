-- One event with the next number. Nothing happens when the same record caused the same event before.
INSERT OR IGNORE INTO events
    (provider, service, channel, model, type, from_status, to_status, trigger_record_id, observed_at, created_at, meta)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
RETURNING id
