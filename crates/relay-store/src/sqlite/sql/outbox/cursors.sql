-- How far the log was read for each notification.
SELECT notification, event_id FROM outbox_cursors
