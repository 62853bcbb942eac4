-- The facts of incidents, as they were recorded. Those of anything else, such as keys, have a dot in their type.
SELECT analytics.publish_v1('event', $$
  SELECT
    e.log_id::smallint AS log_id,
    e.position::bigint AS position,
    e.stream_id::uuid AS incident_id,
    e.version::integer AS version,
    e.type::text AS type,
    e.schema_version::smallint AS schema_version,
    e.event_id::uuid AS event_id,
    e.occurred_at::timestamptz AS occurred_at,
    e.recorded_at::timestamptz AS recorded_at,
    e.data::jsonb AS data,
    e.meta::jsonb AS meta
  FROM eventstore.event e
  WHERE strpos(e.type, '.') = 0
$$);

COMMENT ON VIEW analytics.event IS
  'Every fact about incidents, as it was recorded: what the other views are derived from.';
COMMENT ON COLUMN analytics.event.log_id IS 'The log that the row belongs to.';
COMMENT ON COLUMN analytics.event.position IS
  'Place in the log, in the order of commits. Facts that are not about incidents have places there too.';
COMMENT ON COLUMN analytics.event.incident_id IS 'The incident, as in analytics.incident.id.';
COMMENT ON COLUMN analytics.event.version IS 'Place among the incident''s facts: from 1, without gaps.';
COMMENT ON COLUMN analytics.event.type IS 'What happened, such as CREATED.';
COMMENT ON COLUMN analytics.event.schema_version IS 'Which shape of this type `data` has.';
COMMENT ON COLUMN analytics.event.event_id IS 'Identifies this fact everywhere.';
COMMENT ON COLUMN analytics.event.occurred_at IS 'When it happened, as the caller claims.';
COMMENT ON COLUMN analytics.event.recorded_at IS
  'When it was recorded, by the database''s clock; never decreases within a log.';
COMMENT ON COLUMN analytics.event.data IS 'The fact; a field that has its default value is omitted.';
COMMENT ON COLUMN analytics.event.meta IS 'actor, correlationId and, when caused, causationId.';
