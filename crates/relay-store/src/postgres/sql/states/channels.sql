-- The machines of the groups ($1, $2, $3); the first column is the group's place in the lists. Served by the primary
-- key.
SELECT wanted.place, state.stable, state.down_count, state.known_count, state.last_record_id, state.last_timestamp
FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS wanted (provider, service, channel, place)
JOIN group_states AS state
  ON state.provider = wanted.provider AND state.service = wanted.service AND state.channel = wanted.channel
