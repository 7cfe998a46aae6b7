-- One event with number ?1, or the next one when that is NULL. Nothing happens when the number is taken, or the same
-- record caused the same event before.
INSERT OR IGNORE INTO events
    (id, provider, service, channel, model, type, from_status, to_status, trigger_record_id, observed_at, created_at, meta)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
RETURNING id
