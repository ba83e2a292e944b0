-- A small theatre's shop, made up: one of its own making, for which the statements beside this file
-- let expire-orders and deliver-mail work.
CREATE TABLE play (
    id    uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    title text NOT NULL,
    begin timestamptz NOT NULL,
    seats int NOT NULL,
    free  int NOT NULL CHECK (free BETWEEN 0 AND seats)
);

CREATE TABLE booking (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    code       text NOT NULL UNIQUE,
    play_id    uuid NOT NULL REFERENCES play,
    seats      int NOT NULL CHECK (seats > 0),
    email      text,
    state      text NOT NULL DEFAULT 'held' CHECK (state IN ('held', 'paid', 'lapsed')),
    held_until timestamptz NOT NULL,
    paid_at    timestamptz, -- when the bank told of the money
    lapsed_at  timestamptz
);
CREATE INDEX booking_held ON booking (held_until) WHERE state = 'held';
