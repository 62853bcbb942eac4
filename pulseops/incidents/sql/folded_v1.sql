-- An incident after all these facts, which come by version: folded_v1(begin, type, data, …  ORDER BY version). Null
-- where there are none, or where they do not begin with CREATED (see evolve_v1.sql).
CREATE OR REPLACE AGGREGATE incidents.folded_v1(
    jsonb, text, jsonb, text, timestamptz, timestamptz, integer, bigint
) (
    SFUNC = incidents.evolve_v1,
    STYPE = jsonb
);

GRANT EXECUTE ON FUNCTION incidents.folded_v1(
    jsonb, text, jsonb, text, timestamptz, timestamptz, integer, bigint
) TO pulseops_app;
