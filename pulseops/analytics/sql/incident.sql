-- Every incident as it now stands.
SELECT analytics.publish_v1('incident', $$
  SELECT
    i.log_id::smallint AS log_id,
    i.id::uuid AS id,
    i.status::text AS status,
    i.title::text AS title,
    i.description::text AS description,
    i.source::text AS source,
    i.service::text AS service,
    i.environment::text AS environment,
    i.labels::jsonb AS labels,
    i.dedup_key::text AS dedup_key,
    i.priority::text AS priority,
    i.category::text AS category,
    i.assigned_team::text AS assigned_team,
    i.escalation_level::integer AS escalation_level,
    i.escalated_to::text AS escalated_to,
    i.acknowledged_by::text AS acknowledged_by,
    i.resolved_by::text AS resolved_by,
    i.occurred_at::timestamptz AS occurred_at,
    i.created_at::timestamptz AS created_at,
    i.classified_at::timestamptz AS classified_at,
    i.assigned_at::timestamptz AS assigned_at,
    i.acknowledged_at::timestamptz AS acknowledged_at,
    i.escalated_at::timestamptz AS escalated_at,
    i.resolved_at::timestamptz AS resolved_at,
    i.updated_at::timestamptz AS updated_at,
    i.version::integer AS version,
    i.position::bigint AS position,
    i.created_position::bigint AS created_position,
    i.responder::text AS responder,
    i.snoozed_until::timestamptz AS snoozed_until,
    i.resolution::text AS resolution,
    i.cause::text AS cause,
    i.merged_into::uuid AS merged_into,
    i.merged::uuid[] AS merged,
    i.impacted_services::text[] AS impacted_services,
    i.customers_affected::integer AS customers_affected,
    i.links::jsonb AS links
  FROM incidents.incident i
$$);

COMMENT ON VIEW analytics.incident IS
  'Every incident as it now stands, one row each. A moment behind the log.';
COMMENT ON COLUMN analytics.incident.log_id IS 'The log that the row belongs to.';
COMMENT ON COLUMN analytics.incident.id IS 'Identifies the incident.';
COMMENT ON COLUMN analytics.incident.status IS 'open, acknowledged, resolved or merged.';
COMMENT ON COLUMN analytics.incident.title IS 'What is wrong, in a line.';
COMMENT ON COLUMN analytics.incident.description IS 'What is wrong, at length; may be empty.';
COMMENT ON COLUMN analytics.incident.source IS 'Who reports: user, monitoring, webhook or another.';
COMMENT ON COLUMN analytics.incident.service IS 'What it is about, as the reporter names it.';
COMMENT ON COLUMN analytics.incident.environment IS 'Where, such as production.';
COMMENT ON COLUMN analytics.incident.labels IS 'The reporter''s own names and values.';
COMMENT ON COLUMN analytics.incident.dedup_key IS 'While it is unresolved, reports under this key join it.';
COMMENT ON COLUMN analytics.incident.priority IS
  'low, medium, high or critical; the reporter''s until it is classified.';
COMMENT ON COLUMN analytics.incident.category IS 'Of what kind it is, once it is classified.';
COMMENT ON COLUMN analytics.incident.assigned_team IS 'Whose it is, once it is assigned.';
COMMENT ON COLUMN analytics.incident.escalation_level IS 'How far it was escalated; 0 is not at all.';
COMMENT ON COLUMN analytics.incident.escalated_to IS 'Who was told at that level.';
COMMENT ON COLUMN analytics.incident.acknowledged_by IS 'Who said to be on it.';
COMMENT ON COLUMN analytics.incident.resolved_by IS 'Who said that it is over.';
COMMENT ON COLUMN analytics.incident.occurred_at IS 'When it began, as the reporter claims.';
COMMENT ON COLUMN analytics.incident.created_at IS 'When it was reported, by the database''s clock.';
COMMENT ON COLUMN analytics.incident.classified_at IS 'When it was classified.';
COMMENT ON COLUMN analytics.incident.assigned_at IS 'When it was assigned.';
COMMENT ON COLUMN analytics.incident.acknowledged_at IS 'When it was acknowledged.';
COMMENT ON COLUMN analytics.incident.escalated_at IS 'When it was last escalated.';
COMMENT ON COLUMN analytics.incident.resolved_at IS 'When it was resolved.';
COMMENT ON COLUMN analytics.incident.updated_at IS 'When its newest fact was recorded.';
COMMENT ON COLUMN analytics.incident.version IS 'How many facts it has.';
COMMENT ON COLUMN analytics.incident.position IS 'Place of its newest fact in the log.';
COMMENT ON COLUMN analytics.incident.created_position IS 'Place of its first fact in the log.';
COMMENT ON COLUMN analytics.incident.responder IS 'Which person it was given to, if to one.';
COMMENT ON COLUMN analytics.incident.snoozed_until IS 'Nobody is to hear of it before then.';
COMMENT ON COLUMN analytics.incident.resolution IS
  'How it ended, such as fixed or duplicate; null while it has not.';
COMMENT ON COLUMN analytics.incident.cause IS 'What the cause was, where somebody said so.';
COMMENT ON COLUMN analytics.incident.merged_into IS 'The incident that it lives on in, being the same fault.';
COMMENT ON COLUMN analytics.incident.merged IS 'Incidents that were merged into it.';
COMMENT ON COLUMN analytics.incident.impacted_services IS 'Which services feel it, as declared.';
COMMENT ON COLUMN analytics.incident.customers_affected IS
  'How many customers feel it; null while nobody knows.';
COMMENT ON COLUMN analytics.incident.links IS
  'What it has to do with: [{incident or url, title, relation}]; a default is omitted.';
