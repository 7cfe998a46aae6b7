-- One record. The number is given by the caller: higher than every one before, so the row goes to the last page.
INSERT INTO probe_history
    (id, monitor_id, timestamp, status, sub_status, http_code, latency, timings, detail, source)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
