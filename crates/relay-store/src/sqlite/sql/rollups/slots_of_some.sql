-- The counts of the monitors ?2 in the slots ?1 (JSON lists); the first column is the place in the list of slots. One
-- look-up in the primary key per monitor and slot.
SELECT wanted.key, rollup.monitor_id, rollup.tally
FROM json_each(?1) AS wanted
CROSS JOIN json_each(?2) AS monitor
CROSS JOIN slot_rollups AS rollup ON rollup.slot = wanted.value AND rollup.monitor_id = monitor.value
