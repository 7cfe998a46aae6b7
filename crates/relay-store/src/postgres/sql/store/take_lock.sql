-- Takes the lock of all writers until the end of the transaction, and the next $1 numbers of records. What other
-- statements of the transaction see is newer than whatever the lock was waited for. The last two columns name the
-- change before this one, and this one.
UPDATE store_state SET next_record = next_record + $1, change_before = change, change = gen_random_uuid()
WHERE id = 1
RETURNING next_record - $1, next_event, next_monitor, names, change_before::text, change::text
