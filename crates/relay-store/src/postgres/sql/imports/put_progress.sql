-- Notes that an import of this name was begun; one that was begun before stays as it is.
INSERT INTO imports (name, id_offset, done_from, finished)
VALUES ($1, $2, $3, $4)
ON CONFLICT (name) DO NOTHING
