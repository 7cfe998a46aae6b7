-- The records in short of monitor $1 in its slots from $3 back to $2, newest slot first, at most $4 slots. Walks the
-- index by monitor.
SELECT slot, samples
FROM slot_samples
WHERE monitor_id = $1 AND slot BETWEEN $2 AND $3
ORDER BY slot DESC
LIMIT $4
