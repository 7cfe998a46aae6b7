-- What a rollup needs of raw records by their numbers; those that were deleted are missing. Served by the primary key.
SELECT id, monitor_id, timestamp, status, sub_status, http_code, latency
FROM probe_history
WHERE id = ANY ($1)
