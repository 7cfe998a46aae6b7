-- The newest record of each monitor of a batch; one that is there and newer stays.
INSERT INTO latest (monitor_id, record_id, timestamp, latency, first_token_ms, http_code, status, sub_status)
SELECT * FROM unnest(
    $1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::integer[], $7::smallint[],
    $8::smallint[])
ON CONFLICT (monitor_id) DO UPDATE SET
    record_id = excluded.record_id,
    timestamp = excluded.timestamp,
    latency = excluded.latency,
    first_token_ms = excluded.first_token_ms,
    http_code = excluded.http_code,
    status = excluded.status,
    sub_status = excluded.sub_status
WHERE (latest.timestamp, latest.record_id) < (excluded.timestamp, excluded.record_id)
