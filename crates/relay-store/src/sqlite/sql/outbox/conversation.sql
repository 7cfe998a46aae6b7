-- The conversation of one notification with one channel. Found by the primary key.
SELECT notification, provider, service, channel, version, due, content
FROM outbox_conversations
WHERE notification = ?1 AND provider = ?2 AND service = ?3 AND channel = ?4
