-- Read once, at start.
SELECT monitor_id, record_id, timestamp, status, sub_status, http_code, latency, first_token_ms FROM latest
