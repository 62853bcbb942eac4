-- Whether a fact is one that projections of incidents can read: true; false for the facts of other aggregates,
-- whose types have a dot (TEAM.DEFINED); else an error that says which one is not known.
-- Put it where every row of the range passes: WHERE incidents.knows_v2(…), or before another condition
-- WHERE CASE WHEN incidents.knows_v2(…) THEN … END, because of two conditions the planner takes the cheaper first.
-- A new kind of fact, or a new version of one, is a knows_v3 and new versions of the projections that read it:
-- this one stays what it is for the workers of the release before. Inlined, so it has no SET.
CREATE OR REPLACE FUNCTION incidents.knows_v2(p_type text, p_schema_version smallint, p_position bigint)
RETURNS boolean
LANGUAGE sql STABLE
AS $$
    SELECT CASE
        WHEN p_schema_version = 1 AND p_type IN (
            'CREATED', 'CLASSIFIED', 'ASSIGNED', 'ACKNOWLEDGED', 'UNACKNOWLEDGED', 'SNOOZED', 'UNSNOOZED',
            'ESCALATED', 'PRIORITY_CHANGED', 'CATEGORY_CHANGED', 'EDITED', 'COMMENTED', 'LINKED', 'MERGED',
            'ABSORBED', 'SPLIT', 'RELEASED', 'IMPACT_DECLARED', 'RESOLVED', 'REOPENED'
        ) THEN true
        WHEN strpos(p_type, '.') > 0 THEN false
        ELSE eventstore.refuse_fact_v1(p_type, p_schema_version, p_position, 'version 1 of the facts of an incident')
    END
$$;

GRANT EXECUTE ON FUNCTION incidents.knows_v2(text, smallint, bigint) TO pulseops_app;
