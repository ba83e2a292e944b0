-- 0005: alerts that last: seen often enough to open, told again, told to be over.
ALTER TABLE tickeasy_jobs.alerts
    ALTER COLUMN opened_at DROP NOT NULL, -- NULL: seen, but not often enough yet
    ADD COLUMN first_seen_at timestamptz DEFAULT now(),
    ADD COLUMN bad        int NOT NULL DEFAULT 1, -- times in a row that it was seen
    ADD COLUMN good       int NOT NULL DEFAULT 0, -- times in a row that it was not
    ADD COLUMN good_since timestamptz,
    ADD COLUMN told_at    timestamptz; -- NULL: nobody was told yet
UPDATE tickeasy_jobs.alerts SET first_seen_at = opened_at, told_at = opened_at;
ALTER TABLE tickeasy_jobs.alerts ALTER COLUMN first_seen_at SET NOT NULL;

UPDATE tickeasy_jobs.mail_outbox SET kind = 'alert' WHERE kind = 'order-alert';
