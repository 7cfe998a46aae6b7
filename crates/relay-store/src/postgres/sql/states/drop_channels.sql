-- Takes the machines of groups away that have none any longer. Served by the primary key.
DELETE FROM group_states AS state
USING unnest($1::text[], $2::text[], $3::text[]) AS gone (provider, service, channel)
WHERE state.provider = gone.provider AND state.service = gone.service AND state.channel = gone.channel
