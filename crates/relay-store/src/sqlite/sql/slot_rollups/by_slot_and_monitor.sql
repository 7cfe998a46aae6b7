-- Rows of the monitors listed in ?2 in the slots listed in ?1 (JSON arrays): one point of the primary key each.
SELECT r.slot, r.monitor_id, r.tally, r.samples
FROM json_each(?1) AS wanted
CROSS JOIN json_each(?2) AS monitor
CROSS JOIN slot_rollups AS r ON r.slot = wanted.value AND r.monitor_id = monitor.value
