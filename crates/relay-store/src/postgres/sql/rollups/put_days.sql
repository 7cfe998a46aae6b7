-- Counts of days, replacing what was there.
INSERT INTO day_rollups (day, monitor_id, tally)
SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bytea[])
ON CONFLICT (day, monitor_id) DO UPDATE SET tally = excluded.tally
