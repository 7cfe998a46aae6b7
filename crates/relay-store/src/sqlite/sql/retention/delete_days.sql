-- The counts up to and with those of the monitor ?2 on the day ?1: the low end of the primary key.
DELETE FROM day_rollups WHERE (day, monitor_id) <= (?1, ?2)
