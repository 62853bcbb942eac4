-- Every step of every incident.
SELECT analytics.publish_v1('timeline', $$
  SELECT
    t.log_id::smallint AS log_id,
    t.incident_id::uuid AS incident_id,
    t.version::integer AS version,
    t.position::bigint AS position,
    t.event::text AS event,
    t.timestamp::timestamptz AS timestamp,
    t.occurred_at::timestamptz AS occurred_at,
    t.actor::text AS actor,
    t.details::jsonb AS details
  FROM incidents.timeline t
$$);

COMMENT ON VIEW analytics.timeline IS
  'Every step of every incident, one row each. A moment behind the log.';
COMMENT ON COLUMN analytics.timeline.log_id IS 'The log that the row belongs to.';
COMMENT ON COLUMN analytics.timeline.incident_id IS 'The incident, as in analytics.incident.id.';
COMMENT ON COLUMN analytics.timeline.version IS 'Place among the incident''s facts: from 1, without gaps.';
COMMENT ON COLUMN analytics.timeline.position IS 'Place in the log.';
COMMENT ON COLUMN analytics.timeline.event IS 'What happened, such as CREATED.';
COMMENT ON COLUMN analytics.timeline.timestamp IS 'When it was recorded, by the database''s clock.';
COMMENT ON COLUMN analytics.timeline.occurred_at IS 'When it happened, as whoever reported it claims.';
COMMENT ON COLUMN analytics.timeline.actor IS 'Who did it: a key, or a part of the system.';
COMMENT ON COLUMN analytics.timeline.details IS
  'The fact''s fields but a report''s description; one that has its default value is omitted.';
