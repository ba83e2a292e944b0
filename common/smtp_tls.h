/* smtp_tls: TLS for one session with a mail server, and why a handshake failed. */
#ifndef COMMON_SMTP_TLS_H
#define COMMON_SMTP_TLS_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/ssl.h>

#include "certificate.h"
#include "error.h"
#include "mailer.h"

/* Zero-initialised by the caller; stays where it is while it is open, OpenSSL keeps its address. */
struct smtp_tls {
    SSL_CTX *context;
    char host[256]; /* the name that is asked for and that the certificate must have */
    struct certificate certificate; /* of the latest handshake */
    char trouble[128];
};

/* Ready a context for sessions with server.
 *
 * trusted   a handshake fails unless the certificate is good; else any certificate does
 * like      an open one for the same server, whose certificates are shared (reading the
 *           system's takes some 20 ms); NULL = they are read
 * Errors    ERR_CONFIG the server's CA file cannot be read; ERR_INTERNAL */
bool smtp_tls_open(struct smtp_tls *tls, const struct mail_server *server, bool trusted,
                   const struct smtp_tls *like, struct error *err);
void smtp_tls_close(struct smtp_tls *tls);

/* Have a context of another library's making trust and check the same, and note its certificates in
 * tls. */
void smtp_tls_lend(struct smtp_tls *tls, SSL_CTX *context);

/* Why the latest handshake failed, in words that follow "mail server HOST:PORT ". */
void smtp_tls_explain(const struct smtp_tls *tls, char *words, size_t size);

#endif
