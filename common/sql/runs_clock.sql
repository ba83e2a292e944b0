-- runs_clock: the clock of a run that leaves no trace.
-- $1 now timestamptz or NULL for the database's clock
-- one row: now text
SELECT to_char(coalesce($1::timestamptz, now()) AT TIME ZONE 'UTC',
               'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS now
