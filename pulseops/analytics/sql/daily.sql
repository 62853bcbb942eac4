-- As hourly, by the day.
SELECT analytics.publish_v1('daily', $$
  SELECT
    r.log_id::smallint AS log_id,
    r.day::date AS day,
    r.team::text AS team,
    r.service::text AS service,
    r.priority::text AS priority,
    r.category::text AS category,
    count(*)::bigint AS incidents,
    count(*) FILTER (WHERE r.outcome = 'live')::bigint AS live,
    count(*) FILTER (WHERE r.outcome = 'merged')::bigint AS merged,
    count(*) FILTER (WHERE r.outcome = 'resolved')::bigint AS resolved,
    count(*) FILTER (WHERE r.resolved_automatically)::bigint AS resolved_automatically,
    count(*) FILTER (WHERE r.resolution = 'false_alarm')::bigint AS false_alarms,
    count(r.acknowledged_at)::bigint AS acknowledged,
    count(r.answered_at)::bigint AS answered,
    count(*) FILTER (WHERE r.escalations > 0)::bigint AS escalated,
    count(*) FILTER (WHERE r.reopenings > 0)::bigint AS reopened,
    count(*) FILTER (WHERE r.reassignments > 0)::bigint AS reassigned,
    count(*) FILTER (WHERE r.corrections > 0)::bigint AS corrected,
    sum(r.escalations)::bigint AS escalations,
    coalesce(sum(date_part('epoch', r.acknowledged_at - r.created_at)), 0)::float8 AS seconds_to_acknowledge,
    coalesce(sum(date_part('epoch', r.answered_at - r.created_at)), 0)::float8 AS seconds_to_answer,
    coalesce(sum(date_part('epoch', r.resolved_at - r.created_at)), 0)::float8 AS seconds_to_resolve,
    sum(r.live_seconds)::float8 AS seconds_live
  FROM (
    SELECT (i.created_at AT TIME ZONE 'UTC')::date AS day, i.* FROM incidents.response i
  ) r
  GROUP BY r.log_id, r.day, r.team, r.service, r.priority, r.category
$$);

COMMENT ON VIEW analytics.daily IS
  'Incidents by the day of their report, team, service, priority and category: counts and sums that add up. A moment behind the log.';
COMMENT ON COLUMN analytics.daily.log_id IS 'The log that the row belongs to.';
COMMENT ON COLUMN analytics.daily.day IS 'The day that the incidents were reported on, by UTC.';
COMMENT ON COLUMN analytics.daily.team IS 'Whose they are, after all assignments; null for none.';
COMMENT ON COLUMN analytics.daily.service IS 'What they are about; null where nobody said.';
COMMENT ON COLUMN analytics.daily.priority IS 'How bad they are, after all changes.';
COMMENT ON COLUMN analytics.daily.category IS 'Of what kind they are, after all changes.';
COMMENT ON COLUMN analytics.daily.incidents IS 'How many were reported.';
COMMENT ON COLUMN analytics.daily.live IS 'How many of them are live.';
COMMENT ON COLUMN analytics.daily.merged IS 'How many of them were merged into others.';
COMMENT ON COLUMN analytics.daily.resolved IS 'How many of them are resolved.';
COMMENT ON COLUMN analytics.daily.resolved_automatically IS
  'How many of them ended by the clock, or as recovered.';
COMMENT ON COLUMN analytics.daily.false_alarms IS 'How many of them were false alarms.';
COMMENT ON COLUMN analytics.daily.acknowledged IS 'How many of them were ever acknowledged.';
COMMENT ON COLUMN analytics.daily.answered IS 'How many of them were ever answered.';
COMMENT ON COLUMN analytics.daily.escalated IS 'How many of them were ever escalated.';
COMMENT ON COLUMN analytics.daily.reopened IS 'How many of them were ever reopened.';
COMMENT ON COLUMN analytics.daily.reassigned IS 'How many of them were ever assigned anew.';
COMMENT ON COLUMN analytics.daily.corrected IS 'How many of them had a priority or category that was wrong.';
COMMENT ON COLUMN analytics.daily.escalations IS 'How often they were escalated, altogether.';
COMMENT ON COLUMN analytics.daily.seconds_to_acknowledge IS
  'The sum over those that were, in seconds: divided by acknowledged it is MTTA.';
COMMENT ON COLUMN analytics.daily.seconds_to_answer IS
  'The sum over those that were, in seconds: divided by answered it is the mean.';
COMMENT ON COLUMN analytics.daily.seconds_to_resolve IS
  'The sum over those that are, in seconds: divided by resolved it is MTTR.';
COMMENT ON COLUMN analytics.daily.seconds_live IS
  'How long they were live, altogether, in seconds, over all times that have ended.';
