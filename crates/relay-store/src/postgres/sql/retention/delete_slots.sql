-- At most $2 counts of slots before $1, the oldest first: the low end of the primary key.
DELETE FROM slot_rollups
WHERE (slot, monitor_id) IN (
    SELECT slot, monitor_id FROM slot_rollups WHERE slot < $1 ORDER BY slot, monitor_id LIMIT $2
)
