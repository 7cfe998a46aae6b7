-- A conversation goes on. Changes nothing when it does not have version ?9.
UPDATE outbox_conversations SET version = ?5, due = ?6, waits_since = ?7, content = ?8
WHERE notification = ?1 AND provider = ?2 AND service = ?3 AND channel = ?4 AND version = ?9
