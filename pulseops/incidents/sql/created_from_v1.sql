-- The position from which on incidents were created at p_at or later; null when p_at is. The clock of a log never
-- goes back, so that a time is found among positions by halving, and needs no index of its own.
CREATE OR REPLACE FUNCTION incidents.created_from_v1(p_log smallint, p_at timestamptz) RETURNS bigint
LANGUAGE plpgsql STABLE STRICT
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_sort = off
AS $$
DECLARE
    v_low bigint := 0;
    v_high bigint := 1 + coalesce((
        SELECT i.created_position FROM incidents.incident AS i WHERE i.log_id = p_log
        ORDER BY i.created_position DESC LIMIT 1
    ), 0);
    v_middle bigint;
    v_position bigint;
    v_at timestamptz;
BEGIN
    WHILE v_low < v_high LOOP
        v_middle := v_low + (v_high - v_low) / 2;
        SELECT i.created_position, i.created_at INTO v_position, v_at
        FROM incidents.incident AS i
        WHERE i.log_id = p_log AND i.created_position >= v_middle
        ORDER BY i.created_position LIMIT 1;
        IF v_at < p_at THEN
            v_low := v_position + 1;
        ELSE
            v_high := v_middle;
        END IF;
    END LOOP;
    RETURN v_low;
END
$$;

GRANT EXECUTE ON FUNCTION incidents.created_from_v1(smallint, timestamptz) TO pulseops_app;
