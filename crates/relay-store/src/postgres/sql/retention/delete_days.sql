-- At most $2 counts of days before $1, the oldest first: the low end of the primary key.
DELETE FROM day_rollups
WHERE (day, monitor_id) IN (
    SELECT day, monitor_id FROM day_rollups WHERE day < $1 ORDER BY day, monitor_id LIMIT $2
)
