-- isolation: a statement sees what was committed before it began, whatever is usual on this server: what
-- looks at rows after locking them relies on it. It must stand before anything else in a transaction.
SET transaction_isolation TO 'read committed'
