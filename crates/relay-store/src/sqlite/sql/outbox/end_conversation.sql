-- A conversation is over. Changes nothing when it does not have version ?5.
DELETE FROM outbox_conversations
WHERE notification = ?1 AND provider = ?2 AND service = ?3 AND channel = ?4 AND version = ?5
