-- The events of provider $1 and service $2 without channel get channel $3, but for those that it has already.
UPDATE events AS event SET channel = $3
WHERE event.provider = $1 AND event.service = $2 AND event.channel = ''
  AND NOT EXISTS (
    SELECT FROM events AS own
    WHERE own.trigger_record_id = event.trigger_record_id AND own.type = event.type AND own.provider = event.provider
      AND own.service = event.service AND own.channel = $3 AND own.model = event.model)
