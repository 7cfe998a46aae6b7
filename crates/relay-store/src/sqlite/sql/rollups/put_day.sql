-- The counts of one monitor on one day, replacing what was there. Served by the primary key.
INSERT OR REPLACE INTO day_rollups (day, monitor_id, tally) VALUES (?1, ?2, ?3)
