-- The records in short of at most $2 (slot, monitor) of the slots before $1, the oldest first. Walks the primary key from
-- its low end.
SELECT slot, monitor_id, samples
FROM slot_samples
WHERE slot < $1
ORDER BY slot, monitor_id
LIMIT $2
