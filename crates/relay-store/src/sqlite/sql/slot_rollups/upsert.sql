-- A late record changes the row of a closed slot, or makes it when the monitor had no record in that slot.
INSERT INTO slot_rollups (slot, monitor_id, tally, samples) VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (slot, monitor_id) DO UPDATE SET tally = excluded.tally, samples = excluded.samples
