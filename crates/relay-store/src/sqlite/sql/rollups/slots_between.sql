-- The counts of all monitors in the slots [?1, ?2). One range of the primary key.
SELECT slot, monitor_id, tally FROM slot_rollups WHERE slot >= ?1 AND slot < ?2
