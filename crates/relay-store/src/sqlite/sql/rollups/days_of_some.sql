-- The counts of the monitors ?2 on the days ?1 (JSON lists); the first column is the place in the list of days. One
-- look-up in the primary key per monitor and day.
SELECT wanted.key, rollup.monitor_id, rollup.tally
FROM json_each(?1) AS wanted
CROSS JOIN json_each(?2) AS monitor
CROSS JOIN day_rollups AS rollup ON rollup.day = wanted.value AND rollup.monitor_id = monitor.value
