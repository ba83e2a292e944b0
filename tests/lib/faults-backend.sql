-- What faults.sql keeps of the application's tables, and how it looks at them.
CREATE TABLE before.orders AS TABLE "order";
CREATE TABLE before.tickets AS TABLE ticket;
CREATE TABLE before.payments AS TABLE payment;
CREATE TABLE before.ticket_types AS TABLE "ticketType";

CREATE FUNCTION before.restore_shop() RETURNS void
    LANGUAGE sql AS
$$
    DELETE FROM payment;
    DELETE FROM ticket;
    DELETE FROM "order";
    INSERT INTO "order" SELECT * FROM before.orders;
    INSERT INTO ticket SELECT * FROM before.tickets;
    INSERT INTO payment SELECT * FROM before.payments;
    UPDATE "ticketType" AS t
       SET "remainingQuantity" = b."remainingQuantity"
      FROM before.ticket_types AS b
     WHERE b."ticketTypeId" = t."ticketTypeId";
$$;

CREATE VIEW before.order_states AS
SELECT "orderId" AS id,
       "orderNumber" AS order_number,
       "orderStatus"::text AS status,
       "orderStatus" = 'held' AND "lockExpireTime" < now() AT TIME ZONE 'Asia/Taipei' AS late,
       EXISTS (SELECT FROM payment AS p WHERE p."orderId" = o."orderId" AND p.status = 'completed') AS paid
  FROM "order" AS o;
