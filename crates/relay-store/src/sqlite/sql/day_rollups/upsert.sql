-- A day's row is written when the day closes, and again for late records and imports.
INSERT INTO day_rollups (day, monitor_id, tally) VALUES (?1, ?2, ?3)
ON CONFLICT (day, monitor_id) DO UPDATE SET tally = excluded.tally
