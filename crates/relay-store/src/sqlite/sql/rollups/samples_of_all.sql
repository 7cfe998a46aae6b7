-- The records of all monitors in the slots ?1 (a JSON list); the first column is the place in the list. One range of
-- the primary key per slot.
SELECT wanted.key, samples.monitor_id, samples.samples
FROM json_each(?1) AS wanted
CROSS JOIN slot_samples AS samples ON samples.slot = wanted.value
