-- Raw records whose numbers follow each other without a gap: one range of the primary key.
DELETE FROM probe_history WHERE id BETWEEN ?1 AND ?2
