-- desk_actor: who asks for the change that follows in this transaction, for the audit.
-- $1 actor  $2 host  $3 action  $4 reason or NULL
SELECT set_config('tickeasy_jobs.actor', $1, true),
       set_config('tickeasy_jobs.host', $2, true),
       set_config('tickeasy_jobs.action', $3, true),
       set_config('tickeasy_jobs.reason', coalesce($4, ''), true)
