-- The key ?2 places after the oldest of the slots before ?1. Walks the primary key.
SELECT slot, monitor_id FROM slot_rollups WHERE slot < ?1 ORDER BY slot, monitor_id LIMIT 1 OFFSET ?2
