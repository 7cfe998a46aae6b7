-- All monitors' counts on the days $1 and in the slots $2, and their records in the slots $3. One range of a primary
-- key per piece.
SELECT 2::smallint AS kind, day AS start, monitor_id, tally AS packed FROM day_rollups WHERE day = ANY ($1)
UNION ALL
SELECT 0::smallint, slot, monitor_id, tally FROM slot_rollups WHERE slot = ANY ($2)
UNION ALL
SELECT 1::smallint, slot, monitor_id, samples FROM slot_samples WHERE slot = ANY ($3)
