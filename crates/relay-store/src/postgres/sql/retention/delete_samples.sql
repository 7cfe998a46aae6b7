-- The records in short up to and with those of the monitor $2 in the slot $1, whose raw records are gone: the low end of
-- the primary key.
DELETE FROM slot_samples WHERE (slot, monitor_id) <= ($1, $2)
