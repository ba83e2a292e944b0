/* Fuzz redis_url_parse: no URL may break it, and what it accepts keeps its promises. */
#include "redis_url.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text, size_t size)
{
    size_t length = strnlen(text, size);
    if (length == size)
        abort();
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
            abort();
}

static void check_server(const struct redis_server *server)
{
    long port = strtol(server->port, NULL, 10);
    check_text(server->host, sizeof server->host);
    check_text(server->port, sizeof server->port);
    check_text(server->user, sizeof server->user);
    check_text(server->password, sizeof server->password);
    if (server->host[0] == '\0' || port < 1 || port > 65535)
        abort();
    /* It goes into a URL: nothing may lead it elsewhere. */
    if (strpbrk(server->host, "/?#@[]% \\") != NULL)
        abort();
    if (server->user[0] != '\0' && server->password[0] == '\0')
        abort();
    if (server->database < -1 || server->database >= REDIS_MOST_DATABASES)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct redis_server server;
    struct error err = { 0 };
    char *url = malloc(size + 1);
    if (url == NULL)
        return 0;
    memcpy(url, data, size);
    url[size] = '\0';
    if (redis_url_parse(&server, url, &err))
        check_server(&server);
    else if (err.kind != ERR_CONFIG || err.text[0] == '\0' || server.password[0] != '\0')
        abort();
    free(url);
    return 0;
}
