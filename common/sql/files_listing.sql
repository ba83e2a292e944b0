-- files_listing: what the storage holds, for this transaction.
CREATE TEMPORARY TABLE file_listing (
    bucket     text NOT NULL,
    path       text NOT NULL,
    version    text NOT NULL,
    bytes      bigint,
    created_at timestamptz,
    updated_at timestamptz
) ON COMMIT DROP
