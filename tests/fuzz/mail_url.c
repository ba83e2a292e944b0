/* Fuzz mailer_parse: no URL may break it, and what it accepts keeps its promises. */
#include "mailer.h"

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

static void check_server(const struct mail_server *server)
{
    check_text(server->host, sizeof server->host);
    check_text(server->port, sizeof server->port);
    check_text(server->user, sizeof server->user);
    check_text(server->password, sizeof server->password);
    check_text(server->path, sizeof server->path);
    long port = strtol(server->port, NULL, 10);
    bool esmtp = server->kind == MAIL_SERVER_ESMTP, curl = server->kind == MAIL_SERVER_CURL;
    if ((esmtp || curl) && (server->host[0] == '\0' || port < 1 || port > 65535))
        abort();
    if (esmtp && (strchr(server->host, ':') != NULL || server->tls || server->xoauth2 ||
                  strlen(server->password) > 255))
        abort();
    /* It goes into a URL: nothing may lead it elsewhere. */
    if (curl && strpbrk(server->host, "/?#@[]% \\") != NULL)
        abort();
    if (server->xoauth2 && (server->user[0] == '\0' || server->password[0] == '\0'))
        abort();
    if (server->kind == MAIL_SERVER_MAILDIR && server->path[0] != '/')
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mail_server server;
    struct error err = { 0 };
    char *url = malloc(size + 1);
    if (url == NULL)
        return 0;
    memcpy(url, data, size);
    url[size] = '\0';
    if (mailer_parse(&server, url, NULL, &err))
        check_server(&server);
    else if (err.kind != ERR_CONFIG || err.text[0] == '\0' || server.password[0] != '\0')
        abort();
    free(url);
    return 0;
}
