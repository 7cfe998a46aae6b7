-- Written in the transaction of the record that changed what is stable, and when slots close.
INSERT INTO model_states (monitor_id, stable, streak, streak_count, last_record_id, last_timestamp, last_status)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
ON CONFLICT (monitor_id) DO UPDATE SET
    stable = excluded.stable, streak = excluded.streak, streak_count = excluded.streak_count,
    last_record_id = excluded.last_record_id, last_timestamp = excluded.last_timestamp,
    last_status = excluded.last_status
