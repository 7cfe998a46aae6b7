-- The columns of a table of the Go version and their types; none when there is no such table.
SELECT a.attname::text, t.typname::text
FROM pg_namespace n
JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = $1::text
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type t ON t.oid = a.atttypid
WHERE n.nspname = 'public'
