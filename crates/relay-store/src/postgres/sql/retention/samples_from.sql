-- The records in short of all monitors in the first slot at or after $1 that has any. One range of the primary key.
SELECT slot, monitor_id, samples
FROM slot_samples
WHERE slot = (SELECT min(slot) FROM slot_samples WHERE slot >= $1)
