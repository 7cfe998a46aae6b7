-- Written in the transaction of the record that changed the channel's counts or what is stable.
INSERT INTO channel_states (provider, service, channel, stable, down_count, known_count, last_record_id, last_timestamp)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
ON CONFLICT (provider, service, channel) DO UPDATE SET
    stable = excluded.stable, down_count = excluded.down_count, known_count = excluded.known_count,
    last_record_id = excluded.last_record_id, last_timestamp = excluded.last_timestamp
