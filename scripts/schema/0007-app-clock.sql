-- Columns of the application without a time zone hold the wall clock of one zone. Which one, each
-- transaction of a job says by the setting tickeasy_jobs.clock (APP_DB_CLOCK); without it both are
-- NULL, so that nothing is due.
CREATE FUNCTION tickeasy_jobs.wall_time(at timestamptz) RETURNS timestamp
    LANGUAGE sql STABLE AS
$$
    SELECT at AT TIME ZONE current_setting('tickeasy_jobs.clock', true)
$$;

CREATE FUNCTION tickeasy_jobs.wall_instant(at timestamp) RETURNS timestamptz
    LANGUAGE sql STABLE AS
$$
    SELECT at AT TIME ZONE current_setting('tickeasy_jobs.clock', true)
$$;
