-- The machines of models, replacing what was there.
INSERT INTO model_states
    (provider, service, channel, model, stable, streak, last_status, streak_count, last_record_id, last_timestamp)
SELECT * FROM unnest(
    $1::text[], $2::text[], $3::text[], $4::text[], $5::smallint[], $6::smallint[], $7::smallint[], $8::bigint[],
    $9::bigint[], $10::bigint[])
ON CONFLICT (provider, service, channel, model) DO UPDATE SET
    stable = excluded.stable,
    streak = excluded.streak,
    last_status = excluded.last_status,
    streak_count = excluded.streak_count,
    last_record_id = excluded.last_record_id,
    last_timestamp = excluded.last_timestamp
