-- The state of one model of a group.
INSERT INTO model_states
    (provider, service, channel, model, stable, streak_count, streak, last_record_id, last_timestamp, last_status)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
