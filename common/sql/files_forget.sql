-- files_forget: what this look did not find unused is no candidate any more.
-- $1 buckets that were looked at, by commas
DELETE FROM tickeasy_jobs.file_candidates AS known
 WHERE bucket = ANY (string_to_array($1, ','))
   AND NOT EXISTS (SELECT
                     FROM pg_temp.file_unused
                    WHERE file_unused.bucket = known.bucket
                      AND file_unused.path = known.path
                      AND file_unused.version = known.version
                      AND may_go)
