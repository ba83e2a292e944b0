-- desk_health: the newest health check.
-- at most one row: row json
SELECT json_build_object('timestamp', tickeasy_jobs.iso("timestamp"),
                          'database', database, 'redis', redis, 'storage', storage, 'openai', openai,
                          'details', details) AS row
  FROM tickeasy_jobs.health_checks
 ORDER BY "timestamp" DESC
 LIMIT 1
