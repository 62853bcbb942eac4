-- How each incident was responded to. What a duration is: docs/analytics.md.
SELECT analytics.publish_v1('response', $$
  SELECT
    r.log_id::smallint AS log_id,
    r.incident_id::uuid AS incident_id,
    r.outcome::text AS outcome,
    r.source::text AS source,
    r.service::text AS service,
    r.environment::text AS environment,
    r.team::text AS team,
    r.priority::text AS priority,
    r.category::text AS category,
    r.first_team::text AS first_team,
    r.first_priority::text AS first_priority,
    r.first_category::text AS first_category,
    r.answered_team::text AS answered_team,
    r.answered_priority::text AS answered_priority,
    r.answered_category::text AS answered_category,
    r.created_at::timestamptz AS created_at,
    r.classified_at::timestamptz AS classified_at,
    r.assigned_at::timestamptz AS assigned_at,
    r.escalated_at::timestamptz AS escalated_at,
    r.acknowledged_at::timestamptz AS acknowledged_at,
    r.acknowledged_by::text AS acknowledged_by,
    r.answered_at::timestamptz AS answered_at,
    r.answered_by::text AS answered_by,
    r.first_resolved_at::timestamptz AS first_resolved_at,
    r.first_resolved_by::text AS first_resolved_by,
    r.resolved_at::timestamptz AS resolved_at,
    r.resolved_by::text AS resolved_by,
    r.resolution::text AS resolution,
    r.resolved_automatically::boolean AS resolved_automatically,
    r.live_since::timestamptz AS live_since,
    date_part('epoch', r.assigned_at - r.created_at)::float8 AS seconds_to_assign,
    date_part('epoch', r.acknowledged_at - r.created_at)::float8 AS seconds_to_acknowledge,
    date_part('epoch', r.answered_at - r.created_at)::float8 AS seconds_to_answer,
    date_part('epoch', r.first_resolved_at - r.created_at)::float8 AS seconds_to_first_resolve,
    date_part('epoch', r.resolved_at - r.created_at)::float8 AS seconds_to_resolve,
    r.live_seconds::float8 AS seconds_live,
    r.acknowledged_seconds::float8 AS seconds_acknowledged,
    r.snoozed_seconds::float8 AS seconds_snoozed,
    r.acknowledgements::integer AS acknowledgements,
    r.unacknowledgements::integer AS unacknowledgements,
    r.escalations::integer AS escalations,
    r.highest_level::integer AS highest_level,
    r.reassignments::integer AS reassignments,
    r.snoozes::integer AS snoozes,
    r.reopenings::integer AS reopenings,
    r.corrections::integer AS corrections,
    r.comments::integer AS comments,
    r.absorbed::integer AS absorbed,
    r.updated_at::timestamptz AS updated_at,
    r.version::integer AS version,
    r.position::bigint AS position,
    r.created_position::bigint AS created_position
  FROM incidents.response r
$$);

COMMENT ON VIEW analytics.response IS
  'How each incident was responded to, one row each: when, by whom, how often and how long. A moment behind the log.';
COMMENT ON COLUMN analytics.response.log_id IS 'The log that the row belongs to.';
COMMENT ON COLUMN analytics.response.incident_id IS 'The incident, as in analytics.incident.id.';
COMMENT ON COLUMN analytics.response.outcome IS
  'live, resolved or merged. What was merged is counted where it lives on; it stays merged also when it is closed as a duplicate.';
COMMENT ON COLUMN analytics.response.source IS 'Who reported: user, monitoring, webhook or another.';
COMMENT ON COLUMN analytics.response.service IS 'What it is about, as the reporter names it.';
COMMENT ON COLUMN analytics.response.environment IS 'Where, such as production.';
COMMENT ON COLUMN analytics.response.team IS 'Whose it is, after all assignments.';
COMMENT ON COLUMN analytics.response.priority IS
  'How bad it is, after all changes: low, medium, high or critical.';
COMMENT ON COLUMN analytics.response.category IS 'Of what kind it is, after all changes.';
COMMENT ON COLUMN analytics.response.first_team IS 'Whose it was first.';
COMMENT ON COLUMN analytics.response.first_priority IS 'How bad it was first classified as.';
COMMENT ON COLUMN analytics.response.first_category IS 'What kind it was first classified as.';
COMMENT ON COLUMN analytics.response.answered_team IS
  'Whose it was when it was first answered; null while it is not.';
COMMENT ON COLUMN analytics.response.answered_priority IS
  'How bad it was when it was first answered; null while it is not.';
COMMENT ON COLUMN analytics.response.answered_category IS
  'Of what kind it was when it was first answered; null while it is not.';
COMMENT ON COLUMN analytics.response.created_at IS
  'When it was reported. Every duration from the report counts from here.';
COMMENT ON COLUMN analytics.response.classified_at IS 'When it was first classified.';
COMMENT ON COLUMN analytics.response.assigned_at IS 'When it was first assigned.';
COMMENT ON COLUMN analytics.response.escalated_at IS 'When it was first escalated; null when it never was.';
COMMENT ON COLUMN analytics.response.acknowledged_at IS
  'When it was first acknowledged; null when it never was.';
COMMENT ON COLUMN analytics.response.acknowledged_by IS 'Who acknowledged it first: a key or a user.';
COMMENT ON COLUMN analytics.response.answered_at IS
  'When it was first acknowledged, or resolved by somebody without that; not by the clock, a merge or a recovery.';
COMMENT ON COLUMN analytics.response.answered_by IS 'Who answered it: a key or a user.';
COMMENT ON COLUMN analytics.response.first_resolved_at IS
  'When it was first over, also if it was reopened since.';
COMMENT ON COLUMN analytics.response.first_resolved_by IS
  'Who resolved it first: a key, a user, or a part of the system.';
COMMENT ON COLUMN analytics.response.resolved_at IS 'When it was last over; null while it is live or merged.';
COMMENT ON COLUMN analytics.response.resolved_by IS 'Who resolved it then.';
COMMENT ON COLUMN analytics.response.resolution IS
  'How it ended, such as fixed or false_alarm; null while it is live or merged, or when nobody said.';
COMMENT ON COLUMN analytics.response.resolved_automatically IS
  'Whether it ended by the clock, or as recovered; null while it is live or merged.';
COMMENT ON COLUMN analytics.response.live_since IS
  'Since when it is live without a break; null when it is not live.';
COMMENT ON COLUMN analytics.response.seconds_to_assign IS
  'From the report to the first assignment, in seconds.';
COMMENT ON COLUMN analytics.response.seconds_to_acknowledge IS
  'From the report to the first acknowledgement, in seconds; null when there was none. Its mean is MTTA.';
COMMENT ON COLUMN analytics.response.seconds_to_answer IS
  'From the report to the first answer, in seconds: acknowledged, or resolved without that.';
COMMENT ON COLUMN analytics.response.seconds_to_first_resolve IS
  'From the report to the first end, in seconds.';
COMMENT ON COLUMN analytics.response.seconds_to_resolve IS
  'From the report to the last end, in seconds, what lay between an end and a reopening included. Its mean is MTTR.';
COMMENT ON COLUMN analytics.response.seconds_live IS
  'How long it was live, in seconds, over all times that have ended: breaks are left out.';
COMMENT ON COLUMN analytics.response.seconds_acknowledged IS
  'How long somebody was on it, in seconds, over all times that have ended.';
COMMENT ON COLUMN analytics.response.seconds_snoozed IS
  'How long nobody was to hear of it, in seconds, over all times that have ended.';
COMMENT ON COLUMN analytics.response.acknowledgements IS 'How often it was acknowledged.';
COMMENT ON COLUMN analytics.response.unacknowledgements IS
  'How often an acknowledgement was taken back or ran out.';
COMMENT ON COLUMN analytics.response.escalations IS 'How often the next level was told.';
COMMENT ON COLUMN analytics.response.highest_level IS 'The highest level that was told; 0 is none.';
COMMENT ON COLUMN analytics.response.reassignments IS 'How often it was assigned after the first time.';
COMMENT ON COLUMN analytics.response.snoozes IS 'How often it was snoozed.';
COMMENT ON COLUMN analytics.response.reopenings IS 'How often it was opened again after it was over.';
COMMENT ON COLUMN analytics.response.corrections IS
  'How often its priority or category was said to have been wrong: see analytics.correction.';
COMMENT ON COLUMN analytics.response.comments IS 'How many comments it has.';
COMMENT ON COLUMN analytics.response.absorbed IS 'How many incidents are merged into it.';
COMMENT ON COLUMN analytics.response.updated_at IS 'When its newest fact was recorded.';
COMMENT ON COLUMN analytics.response.version IS
  'How many facts it has: the row says what they say, and nothing else.';
COMMENT ON COLUMN analytics.response.position IS 'Place of its newest fact in the log.';
COMMENT ON COLUMN analytics.response.created_position IS 'Place of its first fact in the log.';
