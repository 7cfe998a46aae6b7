-- New monitors with the numbers they were given; $6 is the number after them.
WITH numbered AS (UPDATE store_state SET next_monitor = $6 WHERE id = 1)
INSERT INTO monitors (id, provider, service, channel, model)
SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[])
