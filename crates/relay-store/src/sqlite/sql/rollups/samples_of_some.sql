-- The records of the monitors ?2 in the slots ?1 (JSON lists); the first column is the place in the list of slots. One
-- look-up in the primary key per monitor and slot.
SELECT wanted.key, samples.monitor_id, samples.samples
FROM json_each(?1) AS wanted
CROSS JOIN json_each(?2) AS monitor
CROSS JOIN slot_samples AS samples ON samples.slot = wanted.value AND samples.monitor_id = monitor.value
