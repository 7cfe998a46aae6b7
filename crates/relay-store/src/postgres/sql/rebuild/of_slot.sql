-- The rows of all monitors in the slot $1: counts (0) and records in short (1). One range of a primary key each.
SELECT 0::smallint, monitor_id, tally FROM slot_rollups WHERE slot = $1
UNION ALL
SELECT 1::smallint, monitor_id, samples FROM slot_samples WHERE slot = $1
