-- The newest record of each monitor, and whether it still exists. Served by the primary keys.
SELECT monitor_id, timestamp, record_id, EXISTS (SELECT FROM probe_history WHERE id = record_id)
FROM latest
