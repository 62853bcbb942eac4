-- Whether a fact is one that projections of incidents can read: true, or an error that says which one is not.
-- Put it where every row of the range passes: WHERE incidents.knows_v1(…), or before another condition
-- WHERE CASE WHEN incidents.knows_v1(…) THEN … END, because of two conditions the planner takes the cheaper first.
-- A new kind of fact, or a new version of one, is a knows_v2 and new versions of the projections that read it:
-- this one stays what it is for the workers of the release before. Inlined, so it has no SET.
CREATE OR REPLACE FUNCTION incidents.knows_v1(p_type text, p_schema_version smallint, p_position bigint)
RETURNS boolean
LANGUAGE sql STABLE
AS $$
    SELECT CASE
        WHEN p_schema_version = 1
            AND p_type IN ('CREATED', 'CLASSIFIED', 'ASSIGNED', 'ACKNOWLEDGED', 'ESCALATED', 'RESOLVED')
            THEN true
        ELSE eventstore.refuse_fact_v1(p_type, p_schema_version, p_position,
            'version 1 of CREATED, CLASSIFIED, ASSIGNED, ACKNOWLEDGED, ESCALATED, RESOLVED')
    END
$$;

GRANT EXECUTE ON FUNCTION incidents.knows_v1(text, smallint, bigint) TO pulseops_app;
