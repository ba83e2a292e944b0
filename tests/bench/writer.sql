-- Somebody who works on the rows that are about to be deleted.
\set n random(1, :sessions)
\set run random(1, :runs)
UPDATE support_sessions SET context = context WHERE id = md5('session' || :n)::uuid;
UPDATE support_messages SET metadata = metadata WHERE session_id = md5('session' || :n)::uuid;
UPDATE tickeasy_jobs.task_execution_logs SET actor = actor WHERE id = md5('run' || :run)::uuid;
