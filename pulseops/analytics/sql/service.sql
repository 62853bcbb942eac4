-- Every service that was defined.
SELECT analytics.publish_v1('service', $$
  SELECT
    s.log_id::smallint AS log_id,
    s.name::text AS name,
    s.id::uuid AS id,
    s.team::text AS team,
    s.display_name::text AS display_name,
    s.description::text AS description,
    s.tier::smallint AS tier,
    s.repository::text AS repository,
    s.runbooks::jsonb AS runbooks,
    s.dashboards::jsonb AS dashboards,
    s.links::jsonb AS links,
    s.labels::jsonb AS labels,
    s.environments::text[] AS environments,
    s.updated_at::timestamptz AS updated_at,
    s.updated_by::text AS updated_by,
    s.retired_at::timestamptz AS retired_at,
    s.version::integer AS version,
    s.position::bigint AS position
  FROM catalog.service s
$$);

COMMENT ON VIEW analytics.service IS
  'Every service that was defined, as it now stands; those of the rules file alone are not here.';
COMMENT ON COLUMN analytics.service.log_id IS 'The log that the row belongs to.';
COMMENT ON COLUMN analytics.service.name IS 'What incidents and rules call it.';
COMMENT ON COLUMN analytics.service.id IS 'The stream of its facts.';
COMMENT ON COLUMN analytics.service.team IS 'Whose it is, as in analytics.team.name or the rules file.';
COMMENT ON COLUMN analytics.service.display_name IS 'What people call it; may be empty.';
COMMENT ON COLUMN analytics.service.description IS 'What it does; may be empty.';
COMMENT ON COLUMN analytics.service.tier IS 'From 1, what nobody can do without, to 4.';
COMMENT ON COLUMN analytics.service.repository IS 'The address of its source.';
COMMENT ON COLUMN analytics.service.runbooks IS 'What to do: an array of title and url.';
COMMENT ON COLUMN analytics.service.dashboards IS 'Where to look: an array of title and url.';
COMMENT ON COLUMN analytics.service.links IS 'Whatever else to open: an array of title and url.';
COMMENT ON COLUMN analytics.service.labels IS 'The owner''s own names and values.';
COMMENT ON COLUMN analytics.service.environments IS 'Where it runs, such as production.';
COMMENT ON COLUMN analytics.service.updated_at IS 'When its newest fact was recorded.';
COMMENT ON COLUMN analytics.service.updated_by IS 'Who caused its newest fact.';
COMMENT ON COLUMN analytics.service.retired_at IS 'When it was retired; null while it is there.';
COMMENT ON COLUMN analytics.service.version IS 'How many facts it has.';
COMMENT ON COLUMN analytics.service.position IS 'Place of its newest fact in the log.';
