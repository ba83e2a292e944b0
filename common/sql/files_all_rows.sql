-- files_all_rows: a policy that hides rows, and with them references, is an error from here on to the
-- end of the transaction.
SELECT set_config('row_security', 'off', true)
