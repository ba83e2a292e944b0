-- fence: refuses the whole transaction when the run is not the running one any more.
-- $1 run id uuid
SELECT tickeasy_jobs.fence($1::uuid)
