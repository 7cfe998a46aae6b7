-- Whether an index of the Go version's records begins with the time. The oldest age has none.
SELECT EXISTS (
    SELECT 1
    FROM pragma_index_list('probe_history') AS list, pragma_index_info(list.name) AS info
    WHERE info.seqno = 0 AND info.name = 'timestamp'
)
