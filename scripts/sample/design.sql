-- The application's tables as the platform's database design document describes them, as far as the
-- jobs touch them. For the demo and the tests; a real installation has its own.
CREATE TYPE user_role AS ENUM ('user', 'organizer', 'admin');
CREATE TYPE concert_status AS ENUM ('draft', 'published', 'ongoing', 'completed', 'cancelled');
CREATE TYPE session_status AS ENUM ('scheduled', 'ongoing', 'completed', 'cancelled');
CREATE TYPE order_status AS ENUM
    ('pending', 'confirmed', 'paid', 'cancelled', 'expired', 'refunded');
CREATE TYPE ticket_status AS ENUM ('available', 'reserved', 'sold', 'used', 'cancelled');
CREATE TYPE payment_status AS ENUM
    ('pending', 'processing', 'completed', 'failed', 'cancelled', 'refunded');
CREATE TYPE support_status AS ENUM ('active', 'waiting', 'resolved', 'closed');

CREATE TABLE users (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name       text NOT NULL,
    email      text UNIQUE, -- empty for accounts of a login service that gives none
    avatar     text,
    role       user_role NOT NULL DEFAULT 'user',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE organizations (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name       text NOT NULL,
    logo       text,
    owner_id   uuid NOT NULL REFERENCES users (id),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE venues (
    id            uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name          text NOT NULL,
    address       text NOT NULL,
    city          text NOT NULL,
    seating_chart jsonb,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE concerts (
    id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    title           varchar(255) NOT NULL,
    description     text,
    poster_image    text,
    status          concert_status NOT NULL DEFAULT 'draft',
    venue_id        uuid NOT NULL REFERENCES venues (id),
    organization_id uuid NOT NULL REFERENCES organizations (id),
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE concert_sessions (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    concert_id uuid NOT NULL REFERENCES concerts (id) ON DELETE CASCADE,
    name       text NOT NULL,
    start_time timestamptz NOT NULL,
    end_time   timestamptz NOT NULL,
    status     session_status NOT NULL DEFAULT 'scheduled',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX concert_sessions_concert ON concert_sessions (concert_id);
CREATE INDEX concert_sessions_start ON concert_sessions (start_time);

CREATE TABLE ticket_types (
    id                 uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    concert_id         uuid NOT NULL REFERENCES concerts (id) ON DELETE CASCADE,
    name               text NOT NULL,
    price              numeric(10, 2) NOT NULL,
    total_quantity     int NOT NULL,
    available_quantity int NOT NULL,
    is_active          boolean NOT NULL DEFAULT true,
    seating_areas      jsonb,
    created_at         timestamptz NOT NULL DEFAULT now(),
    updated_at         timestamptz NOT NULL DEFAULT now(),
    CHECK (available_quantity >= 0 AND available_quantity <= total_quantity)
);
CREATE INDEX ticket_types_concert ON ticket_types (concert_id);

CREATE TABLE orders (
    id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    order_number varchar(50) NOT NULL UNIQUE,
    user_id      uuid NOT NULL REFERENCES users (id),
    status       order_status NOT NULL DEFAULT 'pending',
    total_amount numeric(10, 2) NOT NULL,
    contact_info jsonb NOT NULL,
    expires_at   timestamptz,
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX orders_user ON orders (user_id);
CREATE INDEX orders_status ON orders (status);
CREATE INDEX orders_created ON orders (created_at);
CREATE INDEX orders_expires ON orders (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE tickets (
    id             uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    session_id     uuid NOT NULL REFERENCES concert_sessions (id),
    ticket_type_id uuid NOT NULL REFERENCES ticket_types (id),
    order_id       uuid REFERENCES orders (id),
    ticket_number  varchar(50) NOT NULL UNIQUE,
    seat_number    text,
    status         ticket_status NOT NULL DEFAULT 'available',
    metadata       jsonb,
    created_at     timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX tickets_session ON tickets (session_id);
CREATE INDEX tickets_type ON tickets (ticket_type_id);
CREATE INDEX tickets_order ON tickets (order_id);

CREATE TABLE payments (
    id             uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    order_id       uuid NOT NULL REFERENCES orders (id) ON DELETE CASCADE,
    payment_method text NOT NULL,
    amount         numeric(10, 2) NOT NULL,
    status         payment_status NOT NULL DEFAULT 'pending',
    transaction_id text,
    paid_at        timestamptz,
    created_at     timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX payments_order ON payments (order_id);

CREATE TABLE support_sessions (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id    uuid REFERENCES users (id),
    context    jsonb,
    status     support_status NOT NULL DEFAULT 'active',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX support_sessions_user ON support_sessions (user_id);

CREATE TABLE support_messages (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    session_id uuid NOT NULL REFERENCES support_sessions (id),
    content    text NOT NULL,
    metadata   jsonb,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX support_messages_session ON support_messages (session_id);
