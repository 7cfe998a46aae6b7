-- One record of an archive.
INSERT INTO probe_history (
    id, provider, service, channel, model, status, sub_status, http_code, latency, timestamp, error_detail,
    dns_ms, connect_ms, tls_ms, first_token_ms, total_ms, source
) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)
