-- What a rollup needs of the raw records with times in [$3, $4) whose numbers are in one of the ranges [$1, $2]. One
-- range of the primary key each.
SELECT history.id, monitor_id, timestamp, status, sub_status, http_code, latency
FROM unnest($1::bigint[], $2::bigint[]) AS range (first, last)
JOIN probe_history AS history
  ON history.id BETWEEN range.first AND range.last AND timestamp >= $3 AND timestamp < $4
