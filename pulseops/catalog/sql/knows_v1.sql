-- Whether a fact is of the catalog's kind that p_prefix begins ('TEAM.' or 'SERVICE.'), and can be read by the
-- projections of this release: true, false for everybody else's facts, or an error that says which one is not
-- known. Of two conditions the planner takes the cheaper first: have every row of the range pass this one alone.
-- Inlined, so it has no SET.
CREATE OR REPLACE FUNCTION catalog.knows_v1(
    p_prefix text, p_type text, p_schema_version smallint, p_position bigint
)
RETURNS boolean
LANGUAGE sql STABLE
AS $$
    SELECT CASE
        WHEN NOT starts_with(p_type, p_prefix) THEN false
        WHEN p_schema_version = 1 AND p_type IN (p_prefix || 'DEFINED', p_prefix || 'RETIRED') THEN true
        ELSE eventstore.refuse_fact_v1(p_type, p_schema_version, p_position,
            'version 1 of ' || p_prefix || 'DEFINED, ' || p_prefix || 'RETIRED')
    END
$$;

GRANT EXECUTE ON FUNCTION catalog.knows_v1(text, text, smallint, bigint) TO pulseops_app;
