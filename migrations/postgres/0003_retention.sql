-- How far raw records were deleted.

-- One row.
--   raw_horizon  raw records of slots that begin before this second may be deleted, so their counts cannot be made
--                again; a slot's first second, NULL as long as nothing was deleted. Rows deleted by hand do not move it.
CREATE TABLE retention (
    id          smallint PRIMARY KEY CHECK (id = 1),
    raw_horizon bigint
);

INSERT INTO retention (id, raw_horizon) VALUES (1, NULL);
