-- begin: open a transaction of several round trips.
BEGIN
