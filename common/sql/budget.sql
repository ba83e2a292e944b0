-- budget: the limits of this transaction, the clock of the application's columns without a zone, and how
-- times are written; they end with it, so a pooled session keeps none of them.
-- $1 statement_timeout ms  $2 lock_timeout ms  $3 idle_in_transaction_session_timeout ms
-- $4 synchronous_commit or NULL  $5 transaction_read_only or NULL (NULL: as the server has it)  $6 zone of the clock
SELECT set_config('statement_timeout', $1, true),
       set_config('lock_timeout', $2, true),
       set_config('idle_in_transaction_session_timeout', $3, true),
       set_config('synchronous_commit', coalesce($4, current_setting('synchronous_commit')), true),
       set_config('transaction_read_only', coalesce($5, current_setting('transaction_read_only')), true),
       set_config('tickeasy_jobs.clock', $6, true),
       set_config('DateStyle', 'ISO', true),
       set_config('jit', 'off', true), -- compiling takes longer than any statement here should
       -- a client that was killed is noticed in the middle of a statement too; since version 14
       CASE WHEN current_setting('server_version_num')::int >= 140000
            THEN set_config('client_connection_check_interval', '1000', true)
       END
