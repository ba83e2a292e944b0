# shellcheck shell=bash
# shellcheck disable=SC2034 # the words of database.bash and the tests use them
# names: of tables, columns and states that both schemas have, for SQL that is the same on both.

ORDERS=orders ORDER_ID=id ORDER_NUMBER=order_number ORDER_STATUS=status ORDER_UPDATED=updated_at
WINDOW=expires_at ENDS=expires_at # until when the order may be paid; as an instant
OF_ORDER=order_id # in payments and tickets
PAYMENTS=payments PAYMENT_METHOD=payment_method PAYMENT_UPDATED=updated_at
PAID_AT=paid_at PAID_NOW='clock_timestamp()'
TICKETS=tickets
TICKET_TYPES=ticket_types TYPE_ID=id STOCK=available_quantity

# What a payment does with the tickets of its order; for psql -v ORDER="'id'"
HAND_OVER="UPDATE tickets SET status = 'sold' WHERE order_id = :ORDER AND status = 'reserved'"
SOLD=sold

order_status() { echo "$1"; } # what the schema calls this state of an order
