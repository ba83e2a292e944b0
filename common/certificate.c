#include "certificate.h"

#include <stdio.h>

#include <openssl/x509_vfy.h>

static long days_until(const ASN1_TIME *end)
{
    int days = 0, seconds = 0;
    ASN1_TIME_diff(&days, &seconds, NULL, end); /* from now; both have the same sign */
    return days - (seconds < 0 ? 1 : 0);
}

static void note(struct certificate *certificate, const X509 *leaf, const STACK_OF(X509) * chain)
{
    if (leaf == NULL)
        return;
    certificate->seen = true;
    certificate->days = days_until(X509_get0_notAfter(leaf));
    for (int i = 0; i < sk_X509_num(chain); i++) {
        long days = days_until(X509_get0_notAfter(sk_X509_value(chain, i)));
        if (days < certificate->days)
            certificate->days = days;
    }
}

/* After a handshake that failed the session has no certificate any more: here it still is. */
static int on_verify(X509_STORE_CTX *store, void *arg)
{
    struct certificate *certificate = arg;
    int verified = X509_verify_cert(store);
    note(certificate, X509_STORE_CTX_get0_cert(store), X509_STORE_CTX_get0_chain(store));
    certificate->trouble = X509_STORE_CTX_get_error(store);
    return verified;
}

void certificate_watch(struct certificate *certificate, SSL_CTX *context)
{
    SSL_CTX_set_cert_verify_callback(context, on_verify, certificate);
}

void certificate_look(struct certificate *certificate, const SSL *session)
{
    note(certificate, SSL_get0_peer_certificate(session), SSL_get0_verified_chain(session));
    certificate->trouble = SSL_get_verify_result(session);
}

void certificate_explain_days(long days, char *words, size_t size)
{
    if (days >= 0)
        snprintf(words, size, "has a certificate that expires in %ld day%s", days,
                 days == 1 ? "" : "s");
    else if (days == -1)
        snprintf(words, size, "has a certificate that expired within the last day");
    else
        snprintf(words, size, "has a certificate that expired %ld day%s ago", -days - 1,
                 days == -2 ? "" : "s");
}

void certificate_explain(const struct certificate *certificate, const char *host,
                         const char *ca_key, char *words, size_t size)
{
    switch (certificate->trouble) {
    case X509_V_OK: /* libcurl looks at the name itself */
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        snprintf(words, size, "has a certificate for another name than %s", host);
        break;
    case X509_V_ERR_CERT_HAS_EXPIRED:
        certificate_explain_days(certificate->days, words, size);
        break;
    default:
        snprintf(words, size, "has a certificate that is not trusted: %s; check %s",
                 X509_verify_cert_error_string(certificate->trouble), ca_key);
        break;
    }
}
