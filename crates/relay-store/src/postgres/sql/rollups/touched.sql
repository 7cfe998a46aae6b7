-- The rollups that a batch changes, as they are: slots of the pairs ($1, $2), records of those of the pairs ($3, $4),
-- days of the pairs ($5, $6). Served by the primary keys, one look-up per pair.
SELECT 0::smallint AS kind, rollup.slot AS start, rollup.monitor_id, rollup.tally AS packed
FROM unnest($1::bigint[], $2::bigint[]) AS wanted (slot, monitor_id)
JOIN slot_rollups AS rollup ON rollup.slot = wanted.slot AND rollup.monitor_id = wanted.monitor_id
UNION ALL
SELECT 1::smallint, samples.slot, samples.monitor_id, samples.samples
FROM unnest($3::bigint[], $4::bigint[]) AS wanted (slot, monitor_id)
JOIN slot_samples AS samples ON samples.slot = wanted.slot AND samples.monitor_id = wanted.monitor_id
UNION ALL
SELECT 2::smallint, rollup.day, rollup.monitor_id, rollup.tally
FROM unnest($5::bigint[], $6::bigint[]) AS wanted (day, monitor_id)
JOIN day_rollups AS rollup ON rollup.day = wanted.day AND rollup.monitor_id = wanted.monitor_id
