-- How many rows have no time, one before ?1, or one from ?2 on. What is no number is greater than every number here.
SELECT
    count(*) FILTER (WHERE timestamp IS NULL OR timestamp < 0 OR typeof(timestamp) NOT IN ('integer', 'real')),
    count(*) FILTER (WHERE timestamp >= 0 AND timestamp < ?1),
    count(*) FILTER (WHERE timestamp >= ?2 AND typeof(timestamp) IN ('integer', 'real'))
FROM probe_history
WHERE timestamp IS NULL OR timestamp < ?1 OR timestamp >= ?2
