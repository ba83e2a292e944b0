# shellcheck shell=bash
# shellcheck disable=SC2034 # the tests read them
# support: words about support sessions, on both schemas of the application; load database.bash too.

if [[ $APP_SCHEMA == design ]]; then
    support_sessions=support_sessions support_messages=support_messages
    session_key=id message_key=id session_of=session_id message_made=created_at message_text=content
    closed_at=updated_at
else
    support_sessions='"supportSession"' support_messages='"supportMessage"'
    session_key='"supportSessionId"' message_key='"supportMessageId"' session_of='"sessionId"'
    message_made='"createdAt"' message_text='"messageText"' closed_at='"closedAt"'
fi

# changed TIMESTAMPTZ: as the column has it that says since when a session is closed
changed() {
    if [[ $APP_SCHEMA == design ]]; then echo "$1"; else echo "($1) AT TIME ZONE 'Asia/Taipei'"; fi
}

# closed_sessions SELECT: of n and an instant at; closed at it
closed_sessions() {
    sql "INSERT INTO $support_sessions ($session_key, status, $closed_at)
         SELECT ('00000000-0000-0000-0000-' || lpad(n::text, 12, '0'))::uuid, 'closed', $(changed at) FROM ($1) AS s"
}

# new_messages SELECT: the statement that writes them, of n, the session, and a text
new_messages() {
    local sender='' by=''
    [[ $APP_SCHEMA == design ]] || sender=', "senderType"' by=", 'user'"
    echo "INSERT INTO $support_messages ($session_of, $message_text, $message_made $sender)
          SELECT ('00000000-0000-0000-0000-' || lpad(n::text, 12, '0'))::uuid, text, '$NOW' $by FROM ($1) AS s"
}

# session ID STATUS OFFSET [MESSAGES]: last changed at NOW + OFFSET, with that many messages (1)
session() {
    local status=$2
    [[ $APP_SCHEMA == design || $2 != resolved ]] || status=transferred
    closed_sessions "SELECT $1 AS n, '$NOW'::timestamptz + interval '$3' AS at"
    sql "UPDATE $support_sessions SET status = '$status' WHERE $session_key = '$(uuid "$1")'"
    sql "$(new_messages "SELECT $1 AS n, 'message ' || k AS text FROM generate_series(1, ${4:-1}) AS k")"
}

# many_sessions FIRST LAST: sessions closed for some ten days, the first one longest, with two messages each
many_sessions() {
    closed_sessions "SELECT n, '$NOW'::timestamptz - interval '10 days' + n * interval '1 s' AS at
                       FROM generate_series($1, $2) AS n"
    sql "$(new_messages "SELECT n, 'message' AS text FROM generate_series($1, $2) AS n, generate_series(1, 2)")"
}

sessions() { # the numbers of those that are there, in order
    sql "SELECT coalesce(string_agg(ltrim(right($session_key::text, 12), '0'), ' ' ORDER BY $session_key), '')
           FROM $support_sessions"
}

orphans() { sql "SELECT count(*) FROM $support_messages"; } # messages that are there
