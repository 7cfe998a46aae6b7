-- The machines of the models of the groups ($1, $2, $3); the first column is the group's place in the lists. Served by
-- the primary key.
SELECT wanted.place, state.model, state.stable, state.streak, state.last_status, state.streak_count,
       state.last_record_id, state.last_timestamp
FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS wanted (provider, service, channel, place)
JOIN model_states AS state
  ON state.provider = wanted.provider AND state.service = wanted.service AND state.channel = wanted.channel
