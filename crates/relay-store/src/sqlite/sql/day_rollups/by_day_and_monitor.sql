-- Rows of the monitors listed in ?2 on the days listed in ?1 (JSON arrays): one point of the primary key each.
SELECT r.day, r.monitor_id, r.tally
FROM json_each(?1) AS wanted
CROSS JOIN json_each(?2) AS monitor
CROSS JOIN day_rollups AS r ON r.day = wanted.value AND r.monitor_id = monitor.value
