-- Where the stored part of the data ends; one row.
UPDATE store_state SET held_from = ?1, tail_from = ?2, next_record_id = ?3, sealed_until = ?4 WHERE id = 1
