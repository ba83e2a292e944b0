-- What faults.sql keeps of the application's tables, and how it looks at them.
CREATE TABLE before.orders AS TABLE orders;
CREATE TABLE before.tickets AS TABLE tickets;
CREATE TABLE before.payments AS TABLE payments;
CREATE TABLE before.ticket_types AS TABLE ticket_types;

CREATE FUNCTION before.restore_shop() RETURNS void
    LANGUAGE sql AS
$$
    DELETE FROM payments;
    DELETE FROM tickets;
    DELETE FROM orders;
    INSERT INTO orders SELECT * FROM before.orders;
    INSERT INTO tickets SELECT * FROM before.tickets;
    INSERT INTO payments SELECT * FROM before.payments;
    UPDATE ticket_types AS t
       SET available_quantity = b.available_quantity
      FROM before.ticket_types AS b
     WHERE b.id = t.id;
$$;

CREATE VIEW before.order_states AS
SELECT id,
       order_number,
       status::text AS status,
       status = 'pending' AND expires_at < now() AS late,
       EXISTS (SELECT FROM payments AS p WHERE p.order_id = o.id AND p.status = 'completed') AS paid
  FROM orders AS o;
