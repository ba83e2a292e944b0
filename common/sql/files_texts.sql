-- files_texts: the references that are not plain, each as all that it may stand for; made a view over the
-- view file_references.
-- rows: value text
SELECT DISTINCT form AS value
  FROM pg_temp.file_references, LATERAL unnest(tickeasy_jobs.file_forms(value)) AS form
 WHERE NOT tickeasy_jobs.is_plain_reference(value)
