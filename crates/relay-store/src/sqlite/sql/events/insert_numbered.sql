-- One event with a number of its own. Which are free was looked up before, in the same transaction.
INSERT INTO events
    (id, provider, service, channel, model, type, from_status, to_status, trigger_record_id, observed_at, created_at, meta)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
