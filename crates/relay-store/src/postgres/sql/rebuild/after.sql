-- What a rollup needs of the next $2 raw records after number $1. Walks the primary key from there.
SELECT id, monitor_id, timestamp, status, sub_status, http_code, latency
FROM probe_history
WHERE id > $1
ORDER BY id
LIMIT $2
