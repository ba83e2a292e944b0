-- files_unused: what files_judge finds, for this transaction.
CREATE TEMPORARY TABLE file_unused (
    place        bigint PRIMARY KEY, -- in order of bucket and path
    bucket       text NOT NULL,
    path         text NOT NULL,
    version      text NOT NULL,
    bytes        bigint,
    changed_at   timestamptz,
    may_go       boolean NOT NULL, -- old enough, and nothing that a storage needs for itself
    unused_since timestamptz NOT NULL,
    approved     boolean NOT NULL
) ON COMMIT DROP
