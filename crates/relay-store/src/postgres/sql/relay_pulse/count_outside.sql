-- How many rows have no time, one before $1, or one from $2 on.
SELECT
    count(*) FILTER (WHERE h.timestamp IS NULL OR h.timestamp < 0),
    count(*) FILTER (WHERE h.timestamp >= 0 AND h.timestamp < $1::bigint),
    count(*) FILTER (WHERE h.timestamp >= $2::bigint)
FROM public.probe_history h
WHERE h.timestamp IS NULL OR h.timestamp < $1::bigint OR h.timestamp >= $2::bigint
