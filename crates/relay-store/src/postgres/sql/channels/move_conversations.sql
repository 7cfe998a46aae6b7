-- What is open about $1/$2 without channel is about channel $3 now, unless something is open about that already.
UPDATE outbox_conversations AS old
SET channel = $3
WHERE provider = $1 AND service = $2 AND channel = ''
    AND NOT EXISTS (
        SELECT FROM outbox_conversations AS own
        WHERE own.notification = old.notification AND own.provider = $1 AND own.service = $2 AND own.channel = $3
    )
