-- A message was settled.
INSERT INTO outbox_deliveries
    (notification, provider, service, channel, key, delivered, attempts, items, event_id, since, settled_at, last_error)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
