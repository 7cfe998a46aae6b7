-- One raw record by its number; none when it was deleted. Served by the primary key.
SELECT id, monitor_id, timestamp, status, sub_status, http_code, latency, timings, detail, source
FROM probe_history
WHERE id = ?1
