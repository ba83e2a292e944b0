-- files_forget: what this run did not find unused is no candidate any more.
-- $1 run id uuid
DELETE FROM tickeasy_jobs.file_candidates
 WHERE run_id <> $1::uuid
