-- Whether a usable index of the Go version's records begins with the time. The oldest age has none.
SELECT EXISTS (
    SELECT 1
    FROM pg_namespace n
    JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = 'probe_history'
    JOIN pg_index i ON i.indrelid = c.oid AND i.indisvalid AND i.indpred IS NULL
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0] AND a.attname = 'timestamp'
    WHERE n.nspname = 'public'
)
