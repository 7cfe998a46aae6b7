-- Raw records of slots before $1 were deleted; one row.
UPDATE retention SET raw_horizon = greatest(raw_horizon, $1) WHERE id = 1
