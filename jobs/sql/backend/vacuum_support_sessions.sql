-- vacuum_support_sessions: give the space of deleted rows back to the table, and count afresh what is left.
-- A table that somebody else keeps locked is skipped with a warning.
VACUUM (ANALYZE, SKIP_LOCKED) "supportSession"
