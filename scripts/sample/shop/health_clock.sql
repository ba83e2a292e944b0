-- health_clock: how far the end of the newest hold lies ahead of now by APP_DB_CLOCK. Here no column
-- lacks a time zone: there is nothing to check.
-- $1 now timestamptz
-- at most one row: ahead_s bigint
SELECT NULL::bigint AS ahead_s
 WHERE $1::timestamptz IS NULL
