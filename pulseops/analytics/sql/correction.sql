-- Every time that a classification was said to have been wrong. What has none is left out by its row of responses.
SELECT analytics.publish_v1('correction', $$
  SELECT
    t.log_id::smallint AS log_id,
    t.incident_id::uuid AS incident_id,
    t.version::integer AS version,
    t.timestamp::timestamptz AS at,
    CASE t.event WHEN 'PRIORITY_CHANGED' THEN 'priority' ELSE 'category' END::text AS what,
    (t.details ->> 'was')::text AS was,
    coalesce(t.details ->> 'priority', t.details ->> 'category')::text AS became,
    t.actor::text AS corrected_by,
    CASE WHEN c.said = t.details ->> 'was' THEN c.decision ->> 'rule' END::text AS rule,
    CASE WHEN c.said = t.details ->> 'was' THEN c.decision ->> 'rulesVersion' END::text AS rules_version,
    CASE WHEN c.said = t.details ->> 'was' THEN (c.decision ->> 'confidence')::float8 END::float8 AS confidence,
    coalesce(t.details ->> 'note', '')::text AS note,
    t.position::bigint AS position
  FROM incidents.response r
  JOIN incidents.timeline t ON t.log_id = r.log_id AND t.incident_id = r.incident_id
    AND t.event IN ('PRIORITY_CHANGED', 'CATEGORY_CHANGED') AND t.details @> '{"correction": true}'
  LEFT JOIN LATERAL (
    SELECT
      p.details ->> CASE t.event WHEN 'PRIORITY_CHANGED' THEN 'priority' ELSE 'category' END AS said,
      p.details -> CASE t.event WHEN 'PRIORITY_CHANGED' THEN 'priorityDecision' ELSE 'categoryDecision' END
        AS decision
    FROM incidents.timeline p
    WHERE p.log_id = t.log_id AND p.incident_id = t.incident_id AND p.event = 'CLASSIFIED'
      AND p.version < t.version
    ORDER BY p.version DESC LIMIT 1
  ) c ON true
  WHERE r.corrections > 0
$$);

COMMENT ON VIEW analytics.correction IS
  'Every correction of a priority or category, one row each, and the rule that was wrong. A moment behind the log.';
COMMENT ON COLUMN analytics.correction.log_id IS 'The log that the row belongs to.';
COMMENT ON COLUMN analytics.correction.incident_id IS 'The incident, as in analytics.incident.id.';
COMMENT ON COLUMN analytics.correction.version IS 'The fact, as in analytics.timeline.version.';
COMMENT ON COLUMN analytics.correction.at IS 'When it was corrected.';
COMMENT ON COLUMN analytics.correction.what IS 'priority or category.';
COMMENT ON COLUMN analytics.correction.was IS 'What had been said.';
COMMENT ON COLUMN analytics.correction.became IS 'What it is instead.';
COMMENT ON COLUMN analytics.correction.corrected_by IS 'Who corrected it: a key or a user.';
COMMENT ON COLUMN analytics.correction.rule IS
  'The rule of the classification that was wrong; null when somebody had said it since.';
COMMENT ON COLUMN analytics.correction.rules_version IS 'The version of the rules at that time.';
COMMENT ON COLUMN analytics.correction.confidence IS
  'How sure the rule was, from 0 to 1; null when it did not say.';
COMMENT ON COLUMN analytics.correction.note IS 'What was said to it; may be empty.';
COMMENT ON COLUMN analytics.correction.position IS 'Place in the log.';
