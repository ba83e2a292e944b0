-- health_record: what one health check found; its id is that of the run, so it is there once.
-- $1 run id uuid  $2 result of the run jsonb  $3 now timestamptz
-- no rows
INSERT INTO tickeasy_jobs.health_checks (id, database, redis, storage, openai, "timestamp", details)
SELECT $1::uuid, database, redis, storage, openai, $3::timestamptz, details
  FROM jsonb_to_record($2::jsonb) AS r(database boolean, redis boolean, storage boolean,
                                       openai boolean, details jsonb)
ON CONFLICT (id) DO NOTHING
