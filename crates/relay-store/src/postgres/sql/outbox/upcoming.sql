-- The conversations of a notification in the order in which they are due, at most $2, those without a time last.
SELECT notification, provider, service, channel, version, due, content
FROM outbox_conversations
WHERE notification = $1
ORDER BY due NULLS LAST
LIMIT $2
