-- A batch of records. Their numbers are higher than all before, so the rows go to the last pages.
INSERT INTO probe_history
    (id, monitor_id, timestamp, latency, http_code, status, sub_status, source, timings, detail)
SELECT * FROM unnest(
    $1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::integer[], $6::smallint[], $7::smallint[],
    $8::smallint[], $9::bytea[], $10::text[])
