-- The log was read from event ?2 to ?3 for notification ?1. Changes nothing when the cursor is elsewhere.
UPDATE outbox_cursors SET event_id = ?3 WHERE notification = ?1 AND event_id = ?2
