-- The last settled messages, newest first, at most $1. Walks the primary key backwards.
SELECT notification, provider, service, channel, key, delivered, attempts, items, event_id, since, settled_at, last_error
FROM outbox_deliveries
ORDER BY id DESC
LIMIT $1
