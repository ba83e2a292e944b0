-- desk_note: write down that something was started or done.
-- $1 actor  $2 host  $3 action  $4 subject  $5 reason or NULL  $6 details jsonb
INSERT INTO tickeasy_jobs.audit_log (actor, host, action, subject, reason, details)
VALUES ($1, $2, $3, $4, $5, $6::jsonb)
