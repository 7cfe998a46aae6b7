-- Makes room for the states of a group's models, all of which are written together. Served by the primary key.
DELETE FROM model_states WHERE provider = ?1 AND service = ?2 AND channel = ?3
