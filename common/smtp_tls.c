#include "smtp_tls.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "text.h"

static bool is_address(const char *host)
{
    struct in6_addr address; /* room for either */
    return inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1;
}

/* libesmtp names no server in its hello, and tells nobody why a handshake failed. */
static void on_handshake(const SSL *session, int where, int result)
{
    struct smtp_tls *tls = SSL_CTX_get_app_data(SSL_get_SSL_CTX(session));
    if (where == SSL_CB_HANDSHAKE_START && !is_address(tls->host)) {
        SSL *writable; /* the callback's type is const, the session is not */
        memcpy(&writable, &session, sizeof(SSL *));
        SSL_set_tlsext_host_name(writable, tls->host);
    }
    if ((where & SSL_CB_EXIT) == 0 || result > 0)
        return;
    unsigned long code = ERR_peek_last_error();
    snprintf(tls->trouble, sizeof tls->trouble, "%s",
             text_or(code == 0 ? NULL : ERR_reason_error_string(code), "handshake broken off"));
}

/* TLS 1.2 at most: with 1.3 libesmtp polls before it reads the session tickets and hangs now and
 * then. */
static bool set_up(struct smtp_tls *tls, bool trusted, struct error *err)
{
    SSL_CTX_set_app_data(tls->context, tls);
    SSL_CTX_set_info_callback(tls->context, on_handshake);
    certificate_watch(&tls->certificate, tls->context);
    SSL_CTX_set_verify(tls->context, trusted ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
    X509_VERIFY_PARAM *names = SSL_CTX_get0_param(tls->context);
    if (!SSL_CTX_set_min_proto_version(tls->context, TLS1_2_VERSION) ||
        !SSL_CTX_set_max_proto_version(tls->context, TLS1_2_VERSION) ||
        !(is_address(tls->host) ? X509_VERIFY_PARAM_set1_ip_asc(names, tls->host)
                                : X509_VERIFY_PARAM_set1_host(names, tls->host, 0)))
        return error_set(err, ERR_INTERNAL, "TLS cannot be set up for host %s", tls->host);
    return true;
}

static bool trust(struct smtp_tls *tls, const char *ca_file, const struct smtp_tls *like,
                  struct error *err)
{
    if (like != NULL)
        SSL_CTX_set1_cert_store(tls->context, SSL_CTX_get_cert_store(like->context));
    else if (ca_file[0] == '\0')
        SSL_CTX_set_default_verify_paths(tls->context);
    else if (!SSL_CTX_load_verify_file(tls->context, ca_file))
        return error_set(err, ERR_CONFIG, "no certificates can be read from %s; check MAIL_CA_FILE",
                         ca_file);
    return true;
}

bool smtp_tls_open(struct smtp_tls *tls, const struct mail_server *server, bool trusted,
                   const struct smtp_tls *like, struct error *err)
{
    memcpy(tls->host, server->host, sizeof tls->host);
    tls->context = SSL_CTX_new(TLS_client_method());
    if (tls->context == NULL)
        return error_memory(err);
    bool ready = set_up(tls, trusted, err) && (!trusted || trust(tls, server->ca_file, like, err));
    ERR_clear_error();
    return ready;
}

void smtp_tls_close(struct smtp_tls *tls)
{
    SSL_CTX_free(tls->context);
    tls->context = NULL;
}

void smtp_tls_lend(struct smtp_tls *tls, SSL_CTX *context)
{
    certificate_watch(&tls->certificate, context);
    SSL_CTX_set1_cert_store(context, SSL_CTX_get_cert_store(tls->context));
    SSL_CTX_set1_param(context, SSL_CTX_get0_param(tls->context));
}

void smtp_tls_explain(const struct smtp_tls *tls, char *words, size_t size)
{
    if (tls->certificate.trouble != X509_V_OK)
        certificate_explain(&tls->certificate, tls->host, "MAIL_CA_FILE", words, size);
    else
        snprintf(words, size, "broke off TLS: %s", text_or(tls->trouble, "handshake broken off"));
}
