-- :mails mails of about 2 KB each, as smtp-source -l 2048 sends, and no other mail.
TRUNCATE tickeasy_jobs.mail_outbox;
INSERT INTO tickeasy_jobs.mail_outbox
       (kind, dedupe_key, recipient, recipient_name, lang, data, not_after)
SELECT 'alert', 'bench/' || n, 'user' || n || '@example.com', 'User ' || n, 'en',
       jsonb_build_object(
           'total', 9, 'program', 'expire-orders', 'host', 'tickeasy-1', 'at', '2026-01-02 00:00',
           'run', '00000000-0000-4000-8000-000000000000',
           'order_refused', jsonb_build_object('count', 9, 'items', (
               SELECT jsonb_agg(jsonb_build_object('summary',
                          'order B' || n || '-' || item || ': 2 of its tickets are of type 7, whose stock would go beyond its total of 500'))
                 FROM generate_series(1, 9) AS item))),
       now() + interval '3 days'
  FROM generate_series(1, :mails) AS n;
VACUUM (ANALYZE) tickeasy_jobs.mail_outbox;
CHECKPOINT;
