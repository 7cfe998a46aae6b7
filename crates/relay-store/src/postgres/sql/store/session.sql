-- Every connection begins with this. The path of each statement is known: a look-up in, or a range of, a key. The
-- planner is told so, because it plans while tables are still empty or have grown since it counted them. Statements are
-- short: starting workers or compiling would take longer than they do.
SET search_path = relay;
SET client_min_messages = warning;
SET enable_seqscan = off;
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SET max_parallel_workers_per_gather = 0;
SET jit = off
