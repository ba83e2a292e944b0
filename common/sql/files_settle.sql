-- files_settle: these are no candidates any more: deleted, used again, or written anew.
-- $1 file ids jsonb array of text
DELETE FROM tickeasy_jobs.file_candidates
 WHERE file_id IN (SELECT id::uuid FROM jsonb_array_elements_text($1::jsonb) AS id)
