-- Remembers that this process stored its batch $2, with the batch itself.
INSERT INTO writers (id, batch, seen_at) VALUES ($1, $2, now())
ON CONFLICT (id) DO UPDATE SET batch = excluded.batch, seen_at = excluded.seen_at
