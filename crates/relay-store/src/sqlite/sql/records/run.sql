-- The raw records whose numbers are in [?1, ?2], in the order of numbers. One range of the primary key.
SELECT id, monitor_id, timestamp, status, sub_status, http_code, latency, timings, detail, source
FROM probe_history
WHERE id BETWEEN ?1 AND ?2
ORDER BY id
