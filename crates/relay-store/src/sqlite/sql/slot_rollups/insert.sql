-- A slot that closes has no row yet; rows come ordered by (slot, monitor), so they are appended at the table's end.
INSERT INTO slot_rollups (slot, monitor_id, tally, samples) VALUES (?1, ?2, ?3, ?4)
