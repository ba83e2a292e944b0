# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # what the words of peers.bash set, what the jobs read
# alerts: words for tests of what people are told; load job.bash and peers.bash too.

# webhook [OPTION...]: what is posted comes to posts; the status of the answers stands in status
webhook() {
    : >posts
    peer chat "$peers/http-sink" --file posts --status-file status "$@"
    export ALERT_WEBHOOK_URL=http://127.0.0.1:$port/hook/secret-token
}

posts() { wc -l <posts; }
post() { sed -n "$1p" posts | python3 -c 'import json,sys; print(json.load(sys.stdin)["body"]["text"])'; }

subjects() { # FILE...: of these mails, in the order of their Message-IDs
    python3 - "$@" <<'PYTHON'
import email, email.header, sys
mails = sorted((email.message_from_file(open(name)) for name in sys.argv[1:]),
               key=lambda mail: mail["Message-ID"])
for mail in mails:
    print(email.header.make_header(email.header.decode_header("".join(mail["Subject"].splitlines()))))
PYTHON
}

by_mail() { export MAIL_URL=maildir:$PWD/mail ALERT_EMAIL=ops@example.org; }

# database_is down | up: $good_url is where it is
database_is() {
    if [[ $1 == down ]]; then
        DATABASE_URL=postgresql://127.0.0.1:1/nowhere
    else
        DATABASE_URL=$good_url
    fi
}
