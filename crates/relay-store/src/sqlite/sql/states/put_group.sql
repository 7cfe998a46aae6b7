-- The states of a group as they are after record ?4, replacing the ones before. Served by the primary key.
INSERT OR REPLACE INTO group_states
    (provider, service, channel, seen_record_id, follows, channel_stable, channel_down_count, channel_known_count,
     channel_last_record_id, channel_last_timestamp)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
