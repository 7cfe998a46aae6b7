-- The monitors from number $1 on, with what tells whether there are more; one row without monitor when there are none.
-- Served by the primary key.
SELECT state.names, state.next_monitor, monitor.id, monitor.provider, monitor.service, monitor.channel, monitor.model
FROM store_state AS state
LEFT JOIN monitors AS monitor ON monitor.id >= $1
WHERE state.id = 1
