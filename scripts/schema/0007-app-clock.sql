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

-- The instant of a day and an hour in a zone; without an hour the beginning of the day. NULL of a day
-- that no calendar of ours has.
CREATE FUNCTION tickeasy_jobs.day_instant(day date, hour time, zone text) RETURNS timestamptz
    LANGUAGE sql STABLE AS
$$
    SELECT CASE WHEN day BETWEEN '0001-01-02' AND '9999-12-30'
                THEN (day + coalesce(hour, '00:00')) AT TIME ZONE zone END
$$;
