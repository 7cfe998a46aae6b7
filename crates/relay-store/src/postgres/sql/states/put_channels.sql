-- The machines of channels, replacing what was there.
INSERT INTO group_states
    (provider, service, channel, stable, down_count, known_count, last_record_id, last_timestamp)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::smallint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[])
ON CONFLICT (provider, service, channel) DO UPDATE SET
    stable = excluded.stable,
    down_count = excluded.down_count,
    known_count = excluded.known_count,
    last_record_id = excluded.last_record_id,
    last_timestamp = excluded.last_timestamp
