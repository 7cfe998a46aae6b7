-- The conversations of one notification with some channels. Found by the primary key.
SELECT notification, provider, service, channel, version, due, content
FROM outbox_conversations
JOIN unnest($2::text[], $3::text[], $4::text[]) AS wanted (provider, service, channel) USING (provider, service, channel)
WHERE notification = $1
