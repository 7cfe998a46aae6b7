-- Ids are given by the writer and grow, so rows are appended at the table's end.
INSERT INTO probe_history
    (id, monitor_id, timestamp, status, sub_status, http_code, latency, timings, detail, source)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
