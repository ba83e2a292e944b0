-- commit: end it, and keep what was done.
COMMIT
