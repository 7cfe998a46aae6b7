-- The counts of all monitors on the days ?1 (a JSON list); the first column is the place in the list. One range of the
-- primary key per day.
SELECT wanted.key, rollup.monitor_id, rollup.tally
FROM json_each(?1) AS wanted
CROSS JOIN day_rollups AS rollup ON rollup.day = wanted.value
