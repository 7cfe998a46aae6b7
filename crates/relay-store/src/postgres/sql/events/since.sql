-- Events after number $1 in the order of their numbers, at most $6; a NULL leaves a part open. Walks the primary key
-- from $1 on.
SELECT id, provider, service, channel, model, type, from_status, to_status, trigger_record_id, observed_at, created_at,
       meta
FROM events
WHERE id > $1
  AND ($2::text IS NULL OR provider = $2)
  AND ($3::text IS NULL OR service = $3)
  AND ($4::text IS NULL OR channel = $4)
  AND ($5::text IS NULL OR type = $5)
ORDER BY id
LIMIT $6
