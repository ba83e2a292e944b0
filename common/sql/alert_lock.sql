-- alert_lock: one run at a time changes alerts, to the end of its transaction.
SELECT pg_advisory_xact_lock(hashtextextended('tickeasy_jobs.alerts', 0))
