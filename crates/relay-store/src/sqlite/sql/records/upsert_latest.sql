-- The newest record of a monitor, replacing the one before.
INSERT OR REPLACE INTO latest
    (monitor_id, record_id, timestamp, status, sub_status, http_code, latency, first_token_ms)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
