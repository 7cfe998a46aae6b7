-- The records of slots in short, replacing what was there.
INSERT INTO slot_samples (slot, monitor_id, samples)
SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bytea[])
ON CONFLICT (slot, monitor_id) DO UPDATE SET samples = excluded.samples
