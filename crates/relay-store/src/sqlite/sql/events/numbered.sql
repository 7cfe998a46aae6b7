-- The event with number ?1, if there is one; the columns of since.sql. Served by the primary key.
SELECT id, provider, service, channel, model, type, from_status, to_status, trigger_record_id, observed_at, created_at,
       meta
FROM events
WHERE id = ?1
