-- The records in short of the slots before ?1, the oldest slots first. Walks the primary key from its low end; the
-- caller stops when it has enough.
SELECT slot, monitor_id, samples FROM slot_samples WHERE slot < ?1 ORDER BY slot, monitor_id
