#include "http_transfer.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "text.h"

/* --- words ------------------------------------------------------------------------------------ */

void http_peer(const char *url, char *peer, size_t size)
{
    const char *scheme_end = strstr(url, "://");
    const char *host = scheme_end == NULL ? url : scheme_end + 3;
    size_t length = strcspn(host, "/?#");
    const char *at = memrchr(host, '@', length);
    const char *shown = at == NULL ? host : at + 1;
    snprintf(peer, size, "%.*s%.*s", (int)(host - url), url, (int)(host + length - shown), shown);
}

static bool is_tls(CURLcode result)
{
    return result == CURLE_SSL_CONNECT_ERROR || result == CURLE_PEER_FAILED_VERIFICATION ||
           result == CURLE_SSL_ENGINE_INITFAILED || result == CURLE_SSL_CIPHER;
}

static void explain_tls(CURLcode result, const char *words, const struct certificate *certificate,
                        const char *host, char *what, size_t size)
{
    if (certificate->seen &&
        (result == CURLE_PEER_FAILED_VERIFICATION || certificate->trouble != X509_V_OK))
        certificate_explain(certificate, host, "CA_FILE", what, size);
    else if (strstr(words, "wrong version number") != NULL) /* OpenSSL of a first record */
        snprintf(what, size, "does not speak TLS on this port");
    else
        snprintf(what, size, "broke off TLS: %s", words);
}

bool http_explain(CURL *curl, CURLcode result, const char *words,
                  const struct certificate *certificate, const char *host, char *what, size_t size)
{
    long number = 0;
    words = text_or(words, curl_easy_strerror(result));
    curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &number);
    if (result == CURLE_COULDNT_RESOLVE_HOST)
        snprintf(what, size, "has a name without an address: %s", words);
    else if (result == CURLE_COULDNT_CONNECT)
        snprintf(what, size, "cannot be connected to: %s",
                 number != 0 ? strerror((int)number) : words);
    else if (is_tls(result))
        explain_tls(result, words, certificate, host, what, size);
    else
        return false;
    return true;
}

static bool has_been(CURL *curl, CURLINFO when)
{
    curl_off_t time = 0;
    curl_easy_getinfo(curl, when, &time);
    return time > 0;
}

/* libcurl tells that there is a connection only when its TLS is up too. */
static bool is_connected(const struct http_trace *trace)
{
    struct sockaddr_storage peer;
    socklen_t size = sizeof peer;
    return trace->socket > 0 &&
           getpeername(trace->socket - 1, (struct sockaddr *)&peer, &size) == 0;
}

const char *http_how_far(CURL *curl, const struct http_trace *trace, bool tls)
{
    bool kept = has_been(curl, CURLINFO_PRETRANSFER_TIME_T); /* a connection of before, perhaps */
    if (trace->socket == 0 && !kept)
        return "its name is still looked up";
    if (!kept && !is_connected(trace))
        return "no connection yet";
    if (tls && !has_been(curl, CURLINFO_APPCONNECT_TIME_T))
        return "connected, but TLS does not begin";
    return has_been(curl, CURLINFO_STARTTRANSFER_TIME_T) ? "a part of the answer came"
                                                         : "connected, but nothing came back";
}

/* The host in scheme://host:port. */
static void host_of(const char *peer, char *host, size_t size)
{
    const char *start = strstr(peer, "://");
    start = start == NULL ? peer : start + 3;
    size_t length = *start == '[' ? strcspn(++start, "]") : strcspn(start, ":");
    snprintf(host, size, "%.*s", (int)length, start);
}

static void explain(struct http_transfer *transfer, CURLcode result)
{
    struct http_request *request = transfer->request;
    struct error *err = &request->err;
    const char *words = text_or(transfer->words, curl_easy_strerror(result));
    char peer[300], host[300], what[512];
    http_peer(request->url, peer, sizeof peer);
    host_of(peer, host, sizeof host);
    if (transfer->too_long)
        error_set(err, ERR_UNAVAILABLE, "%s answers with more than %zu bytes", peer,
                  request->most_bytes);
    else if (result == CURLE_OUT_OF_MEMORY)
        error_memory(err);
    else if (result == CURLE_SSL_CACERT_BADFILE)
        error_set(err, ERR_CONFIG, "%s: no certificates can be read; check CA_FILE", peer);
    else if (result == CURLE_OPERATION_TIMEDOUT)
        error_set(err, ERR_UNAVAILABLE, "%s timed out after %d ms: %s", peer, request->wait_ms,
                  words);
    else if (http_explain(transfer->curl, result, words, &request->trace.certificate, host, what,
                          sizeof what))
        error_set(err, ERR_UNAVAILABLE, "%s %s", peer, what);
    else
        error_set(err, ERR_UNAVAILABLE, "%s gave no whole answer: %s", peer, words);
}

/* --- one transfer ----------------------------------------------------------------------------- */

static size_t on_body(char *bytes, size_t size, size_t count, void *arg)
{
    struct http_transfer *transfer = arg;
    struct text *said = &transfer->request->said;
    size_t length = size * count;
    if (length > transfer->request->most_bytes - said->length) {
        transfer->too_long = true;
        return 0;
    }
    text_add(said, bytes, length);
    return said->failed ? 0 : length;
}

/* Before a socket is connected. Of several addresses the latest counts. */
static int on_socket(void *arg, curl_socket_t fd, curlsocktype purpose)
{
    (void)purpose;
    struct http_trace *trace = arg;
    trace->socket = fd + 1;
    return CURL_SOCKOPT_OK;
}

static CURLcode on_tls(CURL *curl, void *context, void *arg)
{
    (void)curl;
    certificate_watch(arg, context);
    return CURLE_OK;
}

static void set_trust(CURL *curl, const char *ca_file, struct http_trace *trace)
{
    if (*ca_file != '\0') {
        curl_easy_setopt(curl, CURLOPT_CAINFO, ca_file);
        curl_easy_setopt(curl, CURLOPT_CAPATH, NULL); /* the system's would be trusted as well */
    }
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(curl, CURLOPT_SSL_CTX_FUNCTION, on_tls);
    curl_easy_setopt(curl, CURLOPT_SSL_CTX_DATA, &trace->certificate);
}

/* The alarm is ours (NOSIGNAL), and a resolver that hangs is left behind (QUICK_EXIT). */
void http_rules(CURL *curl, const char *ca_file, struct http_trace *trace)
{
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "tickeasy-jobs/" VERSION);
    curl_easy_setopt(curl, CURLOPT_SOCKOPTFUNCTION, on_socket);
    curl_easy_setopt(curl, CURLOPT_SOCKOPTDATA, trace);
    set_trust(curl, ca_file, trace);
}

static void set_request(CURL *curl, const struct http_request *request)
{
    curl_easy_setopt(curl, CURLOPT_URL, request->url);
    if (request->body != NULL) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(request->body));
    }
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)request->wait_ms);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)request->wait_ms);
    curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, request->once ? 1L : 0L);
}

bool http_transfer_begin(struct http_transfer *transfer, CURLM *multi, const struct http *http,
                         struct http_request *request)
{
    *transfer = (struct http_transfer){ .curl = curl_easy_init(), .request = request };
    if (transfer->curl == NULL)
        return error_memory(&request->err);
    if (request->most_bytes == 0)
        request->most_bytes = HTTP_MOST_BYTES;
    http_rules(transfer->curl, http_ca_file(http), &request->trace);
    set_request(transfer->curl, request);
    curl_easy_setopt(transfer->curl, CURLOPT_HTTPHEADER, http_headers(http));
    curl_easy_setopt(transfer->curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(transfer->curl, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(transfer->curl, CURLOPT_ERRORBUFFER, transfer->words);
    curl_easy_setopt(transfer->curl, CURLOPT_PRIVATE, transfer);
    if (curl_multi_add_handle(multi, transfer->curl) == CURLM_OK)
        return true;
    curl_easy_cleanup(transfer->curl);
    transfer->curl = NULL;
    return error_memory(&request->err);
}

void http_transfer_drop(struct http_transfer *transfer, CURLM *multi)
{
    if (transfer->curl == NULL)
        return;
    curl_multi_remove_handle(multi, transfer->curl);
    curl_easy_cleanup(transfer->curl);
    transfer->curl = NULL;
    if (transfer->request->status == 0)
        text_free(&transfer->request->said);
}

void http_transfer_end(struct http_transfer *transfer, CURLM *multi, CURLcode result)
{
    struct http_request *request = transfer->request;
    long status = 0;
    curl_easy_getinfo(transfer->curl, CURLINFO_RESPONSE_CODE, &status);
    if (result == CURLE_OK)
        request->status = (int)status;
    else if (request->said.failed)
        error_memory(&request->err);
    else
        explain(transfer, result);
    http_transfer_drop(transfer, multi);
}
