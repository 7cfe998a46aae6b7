-- New events with the numbers they were given; $13 is the number after them.
WITH numbered AS (UPDATE store_state SET next_event = $13 WHERE id = 1)
INSERT INTO events
    (id, trigger_record_id, type, provider, service, channel, model, from_status, to_status, observed_at, meta,
     created_at)
SELECT * FROM unnest(
    $1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::smallint[],
    $9::smallint[], $10::bigint[], $11::text[], $12::bigint[])
