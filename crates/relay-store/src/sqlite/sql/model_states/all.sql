-- Read once, at start.
SELECT monitor_id, stable, streak, streak_count, last_record_id, last_timestamp, last_status FROM model_states
