-- The records in short of all monitors in the slot ?1. One range of the primary key.
SELECT slot, monitor_id, samples FROM slot_samples WHERE slot = ?1
