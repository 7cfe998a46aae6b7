-- Which of these events are there already, by their place in the lists. Served by the unique index.
SELECT fresh.place
FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[]) WITH ORDINALITY
    AS fresh (trigger_record_id, type, provider, service, channel, model, place)
JOIN events AS event
  ON event.trigger_record_id = fresh.trigger_record_id AND event.type = fresh.type
 AND event.provider = fresh.provider AND event.service = fresh.service AND event.channel = fresh.channel
 AND event.model = fresh.model
