-- PostgreSQL only: in SQLite the one process that writes remembers everything anyway.
--
-- Which change was the last one, so that a process knows whether anybody changed anything since its own last append.

-- Two more columns of the one row, written by whoever takes the lock of all writers.
--   change         a random name of the last change, never that of another one, also when a server that failed over has
--                  forgotten some
--   change_before  the one before it
ALTER TABLE store_state
    ADD COLUMN change        uuid NOT NULL DEFAULT gen_random_uuid(),
    ADD COLUMN change_before uuid;
