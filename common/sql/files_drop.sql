-- files_drop: the views are of this transaction alone, and a pooler may hand the connection on. That of
-- the strangers is not there when only the references were looked at.
DROP VIEW IF EXISTS pg_temp.file_keys, pg_temp.file_texts, pg_temp.file_references, pg_temp.file_strangers
