/* certificate: what is seen of a peer's certificate in a TLS handshake, whether it is trusted or
 * not, and what is said of one that is not. */
#ifndef COMMON_CERTIFICATE_H
#define COMMON_CERTIFICATE_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/ssl.h>

/* Zero-initialised: none seen. */
struct certificate {
    bool seen;
    long days;    /* whole ones until the first of its chain expires, negative once it has */
    long trouble; /* X509_V_..., X509_V_OK when OpenSSL has no objection */
};

/* Note the certificate of each handshake of this context, that of the latest counts; whether it is
 * trusted OpenSSL decides as before. certificate stays where it is as long as the context. */
void certificate_watch(struct certificate *certificate, SSL_CTX *context);

/* Note that of a session that stands; a certificate that nobody verified is noted too. */
void certificate_look(struct certificate *certificate, const SSL *session);

/* Why it is refused, in words that follow the name of the peer.
 * host     what was asked for
 * ca_key   of the configuration, names the file of those to trust */
void certificate_explain(const struct certificate *certificate, const char *host,
                         const char *ca_key, char *words, size_t size);

/* That it expires in that many days, or has, in such words. */
void certificate_explain_days(long days, char *words, size_t size);

#endif
