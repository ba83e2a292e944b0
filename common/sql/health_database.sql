-- health_database: whether this server takes writes.
-- Not to be run read-only: it tells what transactions are by default.
-- one row: in_recovery boolean, read_only boolean, version text
SELECT pg_catalog.pg_is_in_recovery() AS in_recovery,
       current_setting('transaction_read_only')::boolean AS read_only,
       current_setting('server_version') AS version
