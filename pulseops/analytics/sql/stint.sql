-- What each incident was for a while.
SELECT analytics.publish_v1('stint', $$
  SELECT
    s.log_id::smallint AS log_id,
    s.incident_id::uuid AS incident_id,
    s.version::integer AS version,
    s.kind::text AS kind,
    s.from_at::timestamptz AS from_at,
    s.until_at::timestamptz AS until_at,
    date_part('epoch', s.until_at - s.from_at)::float8 AS seconds,
    s.ended::text AS ended,
    s.begun_by::text AS begun_by,
    s.ended_by::text AS ended_by,
    s.team::text AS team,
    s.priority::text AS priority,
    s.resolution::text AS resolution,
    s.position::bigint AS position
  FROM incidents.stint s
$$);

COMMENT ON VIEW analytics.stint IS
  'What each incident was for a while, and from when to when, one row for each time. A moment behind the log.';
COMMENT ON COLUMN analytics.stint.log_id IS 'The log that the row belongs to.';
COMMENT ON COLUMN analytics.stint.incident_id IS 'The incident, as in analytics.incident.id.';
COMMENT ON COLUMN analytics.stint.version IS 'The fact that it began with, as in analytics.timeline.version.';
COMMENT ON COLUMN analytics.stint.kind IS 'live, assigned, acknowledged, snoozed or escalated.';
COMMENT ON COLUMN analytics.stint.from_at IS 'When it began.';
COMMENT ON COLUMN analytics.stint.until_at IS 'When it ended; null while it lasts.';
COMMENT ON COLUMN analytics.stint.seconds IS 'How long it lasted, in seconds; null while it does.';
COMMENT ON COLUMN analytics.stint.ended IS
  'The type of the fact that ended it, such as RESOLVED; null while it lasts.';
COMMENT ON COLUMN analytics.stint.begun_by IS
  'Who caused the fact that it began with: a key, a user, or a part of the system.';
COMMENT ON COLUMN analytics.stint.ended_by IS 'Who caused the fact that ended it.';
COMMENT ON COLUMN analytics.stint.team IS
  'Whose the incident was when it began; of kind live when it ended, and null while it lasts.';
COMMENT ON COLUMN analytics.stint.priority IS 'How bad it was at that moment.';
COMMENT ON COLUMN analytics.stint.resolution IS
  'Of kind live: how it ended, such as fixed; null when it was merged.';
COMMENT ON COLUMN analytics.stint.position IS 'Place of the fact that it began with in the log.';
