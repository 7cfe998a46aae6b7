-- The records of one monitor in one slot in short, replacing what was there. Served by the primary key.
INSERT OR REPLACE INTO slot_samples (slot, monitor_id, samples) VALUES (?1, ?2, ?3)
