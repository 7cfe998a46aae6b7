-- The highest number that the sequence of a table's id gave; NULL when it gave none, or there is none.
SELECT last_value
FROM pg_sequences
WHERE format('%I.%I', schemaname, sequencename) = pg_get_serial_sequence($1::text, 'id')
