-- pg_temp.id(7) is the uuid that ends in 7.
CREATE FUNCTION pg_temp.id(n bigint) RETURNS uuid
    LANGUAGE sql IMMUTABLE AS
$$ SELECT ('00000000-0000-0000-0000-' || lpad(n::text, 12, '0'))::uuid $$;
