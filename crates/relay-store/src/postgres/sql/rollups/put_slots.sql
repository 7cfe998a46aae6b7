-- Counts of slots, replacing what was there.
INSERT INTO slot_rollups (slot, monitor_id, tally)
SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bytea[])
ON CONFLICT (slot, monitor_id) DO UPDATE SET tally = excluded.tally
