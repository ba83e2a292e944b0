-- files_drop: the views are of this transaction alone, and a pooler may hand the connection on.
DROP VIEW pg_temp.file_keys, pg_temp.file_texts, pg_temp.file_references
