-- The counts of one monitor in one slot, replacing what was there. Served by the primary key.
INSERT OR REPLACE INTO slot_rollups (slot, monitor_id, tally) VALUES (?1, ?2, ?3)
