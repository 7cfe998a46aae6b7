-- Takes models away that their groups have no longer. Served by the primary key.
DELETE FROM model_states AS state
USING unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS gone (provider, service, channel, model)
WHERE state.provider = gone.provider AND state.service = gone.service AND state.channel = gone.channel
  AND state.model = gone.model
