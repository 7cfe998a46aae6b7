-- Read once, at start.
SELECT provider, service, channel, stable, down_count, known_count, last_record_id, last_timestamp FROM channel_states
