-- Raw records by their numbers; those that were deleted are missing. Served by the primary key.
SELECT id, timestamp, latency, http_code, status, sub_status, source, timings, detail
FROM probe_history
WHERE id = ANY ($1) AND monitor_id = $2
