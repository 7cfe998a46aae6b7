-- Every connection to a database of the Go version begins with this: nothing of it is ever written. Its tables are read
-- by their indexes; how the server would like to read them was decided for other questions.
SET default_transaction_read_only = on;
SET search_path = pg_catalog;
SET client_min_messages = warning;
SET enable_seqscan = off;
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SET max_parallel_workers_per_gather = 0;
SET jit = off
