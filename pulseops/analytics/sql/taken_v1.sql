-- How long each incident took that was reported from p_since on and before p_until: p_report mtta is until the first
-- acknowledgement, mttr until it was last over, as in analytics.response; null while that is to come. Nothing
-- is told of incidents of other teams than p_teams (null: all). `value` is what it is told by, '' for none: of an
-- answer as it was at that moment, of an end and of what has no answer as it is after all changes.
-- Plain enough for the planner to put it into the query that calls it.
CREATE OR REPLACE FUNCTION analytics.taken_v1(
    p_log smallint, p_report text, p_by text, p_since timestamptz, p_until timestamptz, p_teams text[]
)
RETURNS TABLE (value text, created_at timestamptz, seconds double precision, merged boolean, reopened boolean)
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
    SELECT
        coalesce(CASE WHEN p_report = 'mtta' AND p_by <> 'service' AND r.answered_at IS NOT NULL THEN CASE p_by
            WHEN 'team' THEN r.answered_team
            WHEN 'priority' THEN r.answered_priority
            WHEN 'category' THEN r.answered_category
        END ELSE CASE p_by
            WHEN 'team' THEN r.team
            WHEN 'priority' THEN r.priority
            WHEN 'service' THEN r.service
            WHEN 'category' THEN r.category
        END END, ''),
        r.created_at,
        pg_catalog.date_part(
            'epoch', CASE p_report WHEN 'mtta' THEN r.acknowledged_at ELSE r.resolved_at END - r.created_at
        ),
        r.outcome = 'merged',
        r.reopenings > 0
    FROM incidents.response AS r
    WHERE r.log_id = p_log AND r.created_at >= p_since AND r.created_at < p_until
      AND (p_teams IS NULL OR r.team = ANY (p_teams))
$$;

REVOKE ALL ON FUNCTION analytics.taken_v1 FROM PUBLIC;
GRANT EXECUTE ON FUNCTION analytics.taken_v1 TO pulseops_app;
