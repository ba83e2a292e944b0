# shellcheck shell=bash
# words: what tests/jobs/hosts.bats asks of the backend schema.

# The first two ticket types are sold out soon, of the fifth nobody counts; all shows begin within a
# day, so people are reminded.
scarce_and_soon() {
    sql "UPDATE \"ticketType\" SET \"totalQuantity\" = 40,
                \"remainingQuantity\" = 40 - \"totalQuantity\" + \"remainingQuantity\" WHERE \"ticketTypeName\" < '票種3';
         UPDATE \"ticketType\" SET \"remainingQuantity\" = NULL WHERE \"ticketTypeName\" = '票種5';
         UPDATE \"concertSession\" SET \"sessionDate\" = at::date, \"sessionStart\" = at::time
           FROM (VALUES ((now() + interval '10 hours') AT TIME ZONE 'Asia/Taipei')) AS soon(at)"
}

due_orders() {
    sql "SELECT count(*) FROM \"order\"
          WHERE \"orderStatus\" = 'held' AND \"lockExpireTime\" < now() AT TIME ZONE 'Asia/Taipei'
            AND NOT EXISTS (SELECT FROM payment WHERE payment.\"orderId\" = \"order\".\"orderId\" AND status = 'completed')"
}

# Orders whose money and ticket have parted, and nobody is told of; and stock that came to be counted. What
# is paid while it is cancelled is the shop's to give back.
parted() {
    sql "SELECT \"orderNumber\", \"orderStatus\"
           FROM \"order\" AS o
           LEFT JOIN payment AS p ON p.\"orderId\" = o.\"orderId\" AND p.status = 'completed'
          WHERE (\"paymentId\" IS NOT NULL AND \"orderStatus\" NOT IN ('paid', 'cancelled')
                 AND NOT EXISTS (SELECT FROM tickeasy_jobs.alerts WHERE cause = o.\"orderId\"::text AND resolved_at IS NULL))
             OR (\"orderStatus\" = 'paid' AND (\"paymentId\" IS NULL
                 OR NOT EXISTS (SELECT FROM ticket WHERE ticket.\"orderId\" = o.\"orderId\")))
         UNION ALL
         SELECT \"ticketTypeName\", NULL FROM \"ticketType\"
          WHERE \"ticketTypeName\" = '票種5' AND \"remainingQuantity\" IS NOT NULL"
}
