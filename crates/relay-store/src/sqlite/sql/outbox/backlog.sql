-- How many conversations wait to be told, by notification, and since when.
SELECT notification, count(*), min(waits_since)
FROM outbox_conversations
WHERE waits_since IS NOT NULL
GROUP BY notification
ORDER BY notification
