-- The counts of the monitors $4 on the days $1 and in the slots $2, and their records in the slots $3. One look-up in a
-- primary key per monitor and piece.
SELECT 2::smallint AS kind, rollup.day AS start, rollup.monitor_id, rollup.tally AS packed
FROM unnest($1::bigint[]) AS piece (day)
CROSS JOIN unnest($4::bigint[]) AS monitor (id)
JOIN day_rollups AS rollup ON rollup.day = piece.day AND rollup.monitor_id = monitor.id
UNION ALL
SELECT 0::smallint, rollup.slot, rollup.monitor_id, rollup.tally
FROM unnest($2::bigint[]) AS piece (slot)
CROSS JOIN unnest($4::bigint[]) AS monitor (id)
JOIN slot_rollups AS rollup ON rollup.slot = piece.slot AND rollup.monitor_id = monitor.id
UNION ALL
SELECT 1::smallint, samples.slot, samples.monitor_id, samples.samples
FROM unnest($3::bigint[]) AS piece (slot)
CROSS JOIN unnest($4::bigint[]) AS monitor (id)
JOIN slot_samples AS samples ON samples.slot = piece.slot AND samples.monitor_id = monitor.id
