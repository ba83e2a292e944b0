-- The application's tables as the running backend's own migrations create them, as far as the jobs
-- touch them or must leave them alone. For the tests; a real installation has its own.
CREATE TYPE "UserRole" AS ENUM ('user', 'admin', 'superuser');
CREATE TYPE "ConInfoStatus" AS ENUM ('draft', 'reviewing', 'published', 'rejected', 'finished');
CREATE TYPE "OrderStatus" AS ENUM ('held', 'expired', 'paid', 'cancelled', 'refunded');
CREATE TYPE "TicketStatus" AS ENUM ('purchased', 'refunded', 'used');
CREATE TYPE "PaymentStatus" AS ENUM ('pending', 'completed', 'failed', 'refunded');
CREATE TYPE "SupportSessionStatus" AS ENUM ('active', 'waiting', 'closed', 'transferred');
CREATE TYPE "SupportMessageSender" AS ENUM ('user', 'bot', 'agent');

CREATE TABLE users (
    "userId"             uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    email                varchar(100) NOT NULL UNIQUE,
    password             varchar(60),
    name                 varchar(50) NOT NULL,
    nickname             varchar(20),
    role                 "UserRole" NOT NULL DEFAULT 'user',
    phone                varchar(20),
    avatar               varchar(255),
    "verificationToken"  varchar(50),
    "passwordResetToken" varchar(50),
    "oauthProviders"     jsonb NOT NULL DEFAULT '[]', -- access tokens among them
    "searchHistory"      jsonb DEFAULT '[]',
    "createdAt"          timestamptz NOT NULL DEFAULT now(),
    "updatedAt"          timestamptz NOT NULL DEFAULT now(),
    "deletedAt"          timestamptz
);

CREATE TABLE organization (
    "organizationId" uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    "userId"         uuid NOT NULL REFERENCES users ON DELETE RESTRICT,
    "orgName"        varchar(100) NOT NULL UNIQUE,
    "orgAddress"     varchar(100) NOT NULL,
    "orgMail"        varchar(100),
    "orgWebsite"     varchar(200),
    "createdAt"      timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE venues (
    "venueId"          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    "venueName"        varchar(100) NOT NULL,
    "venueDescription" text,
    "venueAddress"     varchar(200) NOT NULL,
    "venueCapacity"    int,
    "venueImageUrl"    varchar(255),
    "googleMapUrl"     varchar(255),
    "createdAt"        timestamptz NOT NULL DEFAULT now(),
    "updatedAt"        timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE concert (
    "concertId"            uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    "organizationId"       uuid NOT NULL REFERENCES organization ON DELETE RESTRICT,
    "venueId"              uuid REFERENCES venues ON DELETE RESTRICT,
    "conTitle"             varchar(50) NOT NULL,
    "conIntroduction"      varchar(30000),
    "conLocation"          varchar(50),
    "conAddress"           varchar(2000),
    "eventStartDate"       date,
    "eventEndDate"         date,
    "imgBanner"            varchar(255),
    "ticketPurchaseMethod" varchar(10000),
    precautions            varchar(20000),
    "refundPolicy"         varchar(10000),
    "conInfoStatus"        "ConInfoStatus" NOT NULL DEFAULT 'draft',
    "reviewNote"           text,
    "cancelledAt"          timestamp,
    "createdAt"            timestamptz NOT NULL DEFAULT now(),
    "updatedAt"            timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE "concertSession" (
    "sessionId"    uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    "concertId"    uuid NOT NULL REFERENCES concert ON DELETE CASCADE,
    "sessionDate"  date,
    "sessionStart" time,
    "sessionEnd"   time,
    "sessionTitle" varchar(100),
    "imgSeattable" text,
    "createdAt"    timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE "ticketType" (
    "ticketTypeId"       uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    "concertSessionId"   uuid NOT NULL REFERENCES "concertSession" ON DELETE CASCADE,
    "ticketTypeName"     varchar(50),
    "entranceType"       varchar(50),
    "ticketBenefits"     text,
    "ticketRefundPolicy" text,
    "ticketTypePrice"    numeric(10, 2),
    "totalQuantity"      int,
    "remainingQuantity"  int, -- empty: nobody counts
    "sellBeginDate"      timestamp,
    "sellEndDate"        timestamp,
    "createdAt"          timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE "order" (
    "orderId"        uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    "ticketTypeId"   uuid NOT NULL REFERENCES "ticketType" ON DELETE RESTRICT,
    "userId"         uuid NOT NULL REFERENCES users ON DELETE RESTRICT,
    "orderStatus"    "OrderStatus" NOT NULL,
    "isLocked"       boolean NOT NULL DEFAULT true,
    "lockToken"      varchar(100) NOT NULL,
    "lockExpireTime" timestamp NOT NULL,
    "purchaserName"  varchar(50),
    "purchaserEmail" varchar(100),
    "purchaserPhone" varchar(50),
    "invoiceUrl"     varchar(255),
    "orderNumber"    varchar(32) UNIQUE, -- given in a second step
    "createdAt"      timestamptz NOT NULL DEFAULT now(),
    "updatedAt"      timestamptz DEFAULT now()
);

CREATE TABLE ticket (
    "ticketId"         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    "orderId"          uuid NOT NULL REFERENCES "order" ON DELETE RESTRICT,
    "ticketTypeId"     uuid NOT NULL REFERENCES "ticketType" ON DELETE RESTRICT,
    "userId"           uuid NOT NULL REFERENCES users ON DELETE RESTRICT,
    "purchaserName"    varchar(100),
    "purchaserEmail"   varchar(100),
    "concertStartTime" timestamp NOT NULL, -- the day alone
    "seatNumber"       varchar(100),
    "qrCode"           varchar(255) UNIQUE,
    status             "TicketStatus" NOT NULL,
    "purchaseTime"     timestamp NOT NULL
);

CREATE TABLE payment (
    "paymentId"     uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    "orderId"       uuid NOT NULL REFERENCES "order" ON DELETE RESTRICT,
    method          varchar(50) NOT NULL,
    provider        varchar(50),
    status          "PaymentStatus" NOT NULL,
    amount          numeric(10, 2) NOT NULL,
    currency        varchar(10) DEFAULT 'TWD',
    "paidAt"        timestamp,
    "transactionId" varchar UNIQUE,
    "rawPayload"    jsonb,
    "tradeNo"       varchar(50),
    "createdAt"     timestamptz NOT NULL DEFAULT now(),
    "updatedAt"     timestamptz DEFAULT now()
);

CREATE TABLE "supportSession" (
    "supportSessionId"    uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    "userId"              uuid REFERENCES users,
    "agentId"             uuid REFERENCES users,
    status                "SupportSessionStatus" NOT NULL DEFAULT 'active',
    category              varchar(50),
    "firstResponseAt"     timestamp,
    "closedAt"            timestamp,
    "satisfactionComment" text,
    "createdAt"           timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE "supportMessage" (
    "supportMessageId" uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    "sessionId"        uuid NOT NULL REFERENCES "supportSession",
    "senderType"       "SupportMessageSender" NOT NULL,
    "senderId"         uuid REFERENCES users,
    "messageText"      text,
    metadata           jsonb NOT NULL DEFAULT '{}', -- "fileUrl" and the like among it
    "isRead"           boolean NOT NULL DEFAULT false,
    "createdAt"        timestamptz NOT NULL DEFAULT now()
);
