-- The records that rollups, latest and states may not know yet, in the order of their numbers. Served by the primary
-- key.
SELECT id, monitor_id, timestamp, status, sub_status, http_code, latency, timings, detail, source
FROM probe_history
WHERE id >= ?1
ORDER BY id
