-- The conversations of all notifications in which something is to be delivered, the oldest first, at most ?1. Walks
-- the whole table: it is asked by people, and the table is as small as what is open.
SELECT notification, provider, service, channel, version, due, content
FROM outbox_conversations
WHERE waits_since IS NOT NULL
ORDER BY waits_since, notification, provider, service, channel
LIMIT ?1
