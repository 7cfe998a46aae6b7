-- Removes all but about the last ?1 settled messages. Numbers may have gaps: then fewer are kept in their span, so the
-- caller asks for more than it promises.
DELETE FROM outbox_deliveries WHERE id <= (SELECT max(id) FROM outbox_deliveries) - ?1
