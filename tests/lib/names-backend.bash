# shellcheck shell=bash
# shellcheck disable=SC2034 # the words of database.bash and the tests use them
# names: of tables, columns and states that both schemas have, for SQL that is the same on both.

ORDERS='"order"' ORDER_ID='"orderId"' ORDER_NUMBER='"orderNumber"' ORDER_STATUS='"orderStatus"'
ORDER_UPDATED='"updatedAt"'
WINDOW='"lockExpireTime"' # until when the order may be paid; as an instant:
ENDS="$WINDOW AT TIME ZONE 'Asia/Taipei'"
OF_ORDER='"orderId"' # in payment and ticket
PAYMENTS=payment PAYMENT_METHOD=method PAYMENT_UPDATED='"updatedAt"'
PAID_AT='"paidAt"' PAID_NOW="clock_timestamp() AT TIME ZONE 'Asia/Taipei'"
TICKETS=ticket
TICKET_TYPES='"ticketType"' TYPE_ID='"ticketTypeId"' STOCK='"remainingQuantity"'

# What a payment does with the ticket of its order; for psql -v ORDER="'id'"
HAND_OVER='INSERT INTO ticket ("orderId", "ticketTypeId", "userId", "concertStartTime", status, "purchaseTime")
    SELECT "orderId", "ticketTypeId", "userId", current_date, '"'purchased', $PAID_NOW"'
      FROM "order" WHERE "orderId" = :ORDER AND "orderStatus" = '"'paid'"'
       AND NOT EXISTS (SELECT FROM ticket WHERE "orderId" = :ORDER)'
SOLD=purchased

order_status() { # what the schema calls this state of an order
    case $1 in
        pending) echo held ;;
        confirmed) echo paid ;;
        *) echo "$1" ;;
    esac
}
