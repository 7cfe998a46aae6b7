-- What a rollup needs of the raw records with numbers in [?1, ?2] and times in [?3, ?4). One range of the primary key.
SELECT id, monitor_id, timestamp, status, sub_status, http_code, latency
FROM probe_history
WHERE id BETWEEN ?1 AND ?2 AND timestamp >= ?3 AND timestamp < ?4
