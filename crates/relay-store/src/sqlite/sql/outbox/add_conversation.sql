-- A conversation begins. Changes nothing when there is one.
INSERT OR IGNORE INTO outbox_conversations
    (notification, provider, service, channel, version, due, waits_since, content)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
