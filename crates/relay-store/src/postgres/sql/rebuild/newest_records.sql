-- Raw records by their numbers, with the numbers of their monitors. Served by the primary key.
SELECT id, timestamp, latency, http_code, status, sub_status, source, timings, detail, monitor_id
FROM probe_history
WHERE id = ANY ($1)
