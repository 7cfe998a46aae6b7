-- The key ?2 places after the oldest of the days before ?1. Walks the primary key.
SELECT day, monitor_id FROM day_rollups WHERE day < ?1 ORDER BY day, monitor_id LIMIT 1 OFFSET ?2
