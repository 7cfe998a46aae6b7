-- The counts up to and with those of the monitor ?2 in the slot ?1: the low end of the primary key.
DELETE FROM slot_rollups WHERE (slot, monitor_id) <= (?1, ?2)
