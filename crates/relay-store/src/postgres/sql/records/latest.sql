-- The newest records of the monitors $1. Served by the primary key.
SELECT monitor_id, record_id, timestamp, latency, first_token_ms, http_code, status, sub_status
FROM latest
WHERE monitor_id = ANY ($1)
