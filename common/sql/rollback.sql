-- rollback: end it, and keep nothing.
ROLLBACK
