-- Records whose ids are listed in ?1 (a JSON array): one point of the primary key each. Deleted ones are left out.
SELECT h.id, h.monitor_id, h.timestamp, h.status, h.sub_status, h.http_code, h.latency, h.timings, h.detail, h.source
FROM json_each(?1) AS wanted CROSS JOIN probe_history AS h ON h.id = wanted.value
