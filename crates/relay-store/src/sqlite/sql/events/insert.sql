-- The unique key (key, type, trigger_record_id) makes a doubled event an error instead of a second notification.
INSERT INTO events (provider, service, channel, model, type, from_status, to_status, trigger_record_id, observed_at,
                    created_at, meta)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
