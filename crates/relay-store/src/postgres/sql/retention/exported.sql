-- Raw records by their numbers, with their monitors; those that were deleted are missing. Served by the primary keys.
SELECT history.id, timestamp, latency, http_code, status, sub_status, source, timings, detail, provider, service, channel,
    model
FROM probe_history AS history
JOIN monitors ON monitors.id = monitor_id
WHERE history.id = ANY ($1)
ORDER BY history.id
