/* Fuzz the parts of URLs: an address to post to, a host with its port, percent-encoding. What is
 * taken fits what it is copied to; what is refused is said without repeating it. */
#include "url.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(bool true_here)
{
    if (!true_here)
        abort();
}

static void check_web(const char *url)
{
    if (!url_is_web(url))
        return;
    need(strlen(url) <= 2000 && strncasecmp(url, "http", 4) == 0 && strchr(url, '#') == NULL);
    for (const char *c = url; *c != '\0'; c++)
        need(*c > ' ' && *c < 0x7f);
}

static void check_host(struct span where)
{
    char host[256], port[6] = "";
    struct error err = { 0 };
    bool good = url_host_port(where, host, port, "KEY", &err);
    need(good == (err.kind == ERR_NONE));
    if (!good)
        return;
    need(host[0] != '\0' && strpbrk(host, "[]/@ \r\n") == NULL);
    for (const char *c = port; *c != '\0'; c++)
        need(isdigit((unsigned char)*c));
    need(port[0] == '\0' || (strtol(port, NULL, 10) >= 1 && strtol(port, NULL, 10) <= 65535));
}

static void check_decoded(struct span in)
{
    char out[64];
    struct error err = { 0 };
    bool good = url_decode(out, sizeof out, in, "KEY", "part", &err);
    need(good == (err.kind == ERR_NONE));
    for (const char *c = out; good && *c != '\0'; c++)
        need((unsigned char)*c >= ' ' && *c != 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = strndup((const char *)data, size);
    if (text == NULL)
        return 0;
    const char *end = NULL;
    struct error err = { 0 };
    struct span where, login;
    check_web(text);
    if (url_authority(text, &end, "KEY", &err)) {
        where = span_of(text, end);
        if (url_cut_login(&where, &login))
            check_decoded(login);
        check_host(where);
    }
    check_decoded(span_of(text, text + strlen(text)));
    free(text);
    return 0;
}
