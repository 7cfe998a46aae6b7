-- The caller has compared: what is given is the newest by (timestamp, id).
INSERT INTO latest (monitor_id, record_id, timestamp, status, sub_status, http_code, latency, first_token_ms)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
ON CONFLICT (monitor_id) DO UPDATE SET
    record_id = excluded.record_id, timestamp = excluded.timestamp, status = excluded.status,
    sub_status = excluded.sub_status, http_code = excluded.http_code, latency = excluded.latency,
    first_token_ms = excluded.first_token_ms
