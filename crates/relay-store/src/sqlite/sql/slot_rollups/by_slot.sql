-- Rows of all monitors in the slots listed in ?1 (a JSON array): one range of the primary key per slot.
SELECT r.slot, r.monitor_id, r.tally, r.samples
FROM json_each(?1) AS wanted CROSS JOIN slot_rollups AS r ON r.slot = wanted.value
