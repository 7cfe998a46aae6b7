-- Notification ?1 is seen for the first time, at event ?2. Changes nothing when it is known.
INSERT OR IGNORE INTO outbox_cursors (notification, event_id) VALUES (?1, ?2)
