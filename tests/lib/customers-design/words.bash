# shellcheck shell=bash
# words: what tests/jobs/hosts.bats asks of the design schema.

# The first two ticket types are sold out soon; all shows begin within a day, so people are reminded.
scarce_and_soon() {
    sql "UPDATE ticket_types SET total_quantity = 40, available_quantity = 40 - total_quantity + available_quantity
          WHERE name < '票種3';
         UPDATE concert_sessions SET start_time = now() + interval '10 hours', end_time = now() + interval '12 hours'"
}

due_orders() {
    sql "SELECT count(*) FROM orders WHERE status = 'pending' AND expires_at < now()
            AND NOT EXISTS (SELECT FROM payments WHERE order_id = orders.id AND payments.status = 'completed')"
}

# Orders whose money and tickets have parted, and nobody is told of. What is paid while it is cancelled is
# the shop's to give back.
parted() {
    sql "SELECT order_number, orders.status
           FROM orders
           LEFT JOIN payments ON order_id = orders.id AND payments.status = 'completed'
          WHERE (payments.id IS NOT NULL AND orders.status NOT IN ('paid', 'cancelled')
                 AND NOT EXISTS (SELECT FROM tickeasy_jobs.alerts WHERE cause = orders.id::text AND resolved_at IS NULL))
             OR (orders.status = 'paid' AND (payments.id IS NULL
                 OR NOT EXISTS (SELECT FROM tickets WHERE order_id = orders.id AND tickets.status = 'sold')))"
}
