-- Rows of all monitors on the days listed in ?1 (a JSON array): one range of the primary key per day.
SELECT r.day, r.monitor_id, r.tally
FROM json_each(?1) AS wanted CROSS JOIN day_rollups AS r ON r.day = wanted.value
