-- files_copy: fill the listing.
COPY pg_temp.file_listing (bucket, path, version, bytes, created_at, updated_at) FROM STDIN
