-- cleanup_limit: the most that each of the statements behind this one may take, in this transaction.
-- $1 ms
SELECT set_config('statement_timeout', $1, true)
