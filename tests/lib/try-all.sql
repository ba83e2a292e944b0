-- try-all: what the current role may do to the tables in public, found out by trying: a notice
-- "may VERB TABLE [COLUMN]" for each thing that is not refused for lack of rights. Nothing is changed.
DO $$
DECLARE
    one   record;
    tried text;
BEGIN
    FOR one IN
        -- information_schema shows a role only what it may see
        SELECT relname, attname, verb
          FROM pg_class AS c
          LEFT JOIN pg_attribute AS a ON a.attrelid = c.oid AND attnum > 0 AND NOT attisdropped
         CROSS JOIN unnest(ARRAY['SELECT', 'UPDATE', 'INSERT']) AS verb
         WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
         UNION ALL
        SELECT relname, NULL, verb
          FROM pg_class
         CROSS JOIN unnest(ARRAY['DELETE', 'TRUNCATE', 'ALTER', 'INDEX', 'TRIGGER', 'DROP']) AS verb
         WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
    LOOP
        BEGIN
            tried := CASE one.verb
                WHEN 'SELECT' THEN format('SELECT %I FROM %I LIMIT 0', one.attname, one.relname)
                WHEN 'UPDATE' THEN format('UPDATE %I SET %I = NULL WHERE false', one.relname, one.attname)
                WHEN 'INSERT' THEN format('INSERT INTO %I (%I) VALUES (NULL)', one.relname, one.attname)
                WHEN 'DELETE' THEN format('DELETE FROM %I WHERE false', one.relname)
                WHEN 'TRUNCATE' THEN format('TRUNCATE %I', one.relname)
                WHEN 'ALTER' THEN format('ALTER TABLE %I ADD mine int', one.relname)
                WHEN 'INDEX' THEN format('CREATE INDEX ON %I ((1))', one.relname)
                WHEN 'TRIGGER' THEN
                    format('CREATE TRIGGER mine AFTER DELETE ON %I EXECUTE FUNCTION RI_FKey_noaction_del()', one.relname)
                WHEN 'DROP' THEN format('DROP TABLE %I', one.relname) END;
            EXECUTE tried;
            RAISE SQLSTATE 'ZZZZZ'; -- undo it
        EXCEPTION
            WHEN insufficient_privilege THEN NULL;
            WHEN OTHERS THEN RAISE NOTICE 'may %', concat_ws(' ', one.verb, one.relname, one.attname);
        END;
    END LOOP;
END $$;
