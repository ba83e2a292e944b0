-- 0002: many workers on one outbox.
-- A worker looks at what it holds once a batch.
CREATE INDEX mail_outbox_claimed ON tickeasy_jobs.mail_outbox (claimed_by) WHERE status = 'sending';

-- MAIL_RATE over all workers and hosts: when the next mail may go out. One row.
CREATE TABLE tickeasy_jobs.mail_pace (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    free_at  timestamptz NOT NULL DEFAULT '-infinity'
);
INSERT INTO tickeasy_jobs.mail_pace DEFAULT VALUES;
