-- The newest record of monitor $1 becomes that of $2, unless it has a newer one.
INSERT INTO latest (monitor_id, record_id, timestamp, latency, first_token_ms, http_code, status, sub_status)
SELECT $2, record_id, timestamp, latency, first_token_ms, http_code, status, sub_status
FROM latest
WHERE monitor_id = $1
ON CONFLICT (monitor_id) DO UPDATE SET
    record_id = excluded.record_id,
    timestamp = excluded.timestamp,
    latency = excluded.latency,
    first_token_ms = excluded.first_token_ms,
    http_code = excluded.http_code,
    status = excluded.status,
    sub_status = excluded.sub_status
WHERE (latest.timestamp, latest.record_id) < (excluded.timestamp, excluded.record_id)
