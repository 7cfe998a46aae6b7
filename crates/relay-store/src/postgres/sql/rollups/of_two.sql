-- All rollups of the monitors $1 and $2. Each table is read as a whole.
SELECT 0::smallint AS kind, slot AS start, monitor_id, tally AS packed FROM slot_rollups WHERE monitor_id IN ($1, $2)
UNION ALL
SELECT 1::smallint, slot, monitor_id, samples FROM slot_samples WHERE monitor_id IN ($1, $2)
UNION ALL
SELECT 2::smallint, day, monitor_id, tally FROM day_rollups WHERE monitor_id IN ($1, $2)
