-- The counts of all monitors in the slots ?1 (a JSON list); the first column is the place in the list. One range of the
-- primary key per slot.
SELECT wanted.key, rollup.monitor_id, rollup.tally
FROM json_each(?1) AS wanted
CROSS JOIN slot_rollups AS rollup ON rollup.slot = wanted.value
