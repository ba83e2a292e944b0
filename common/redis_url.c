#include "redis_url.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "url.h"
#include "value.h"

static const char key[] = "REDIS_URL";

/* A word alone is the user to some clients and the password to others. */
static bool parse_login(struct redis_server *server, struct span login, struct error *err)
{
    const char *colon = memchr(login.start, ':', login.length);
    const char *end = login.start + login.length;
    if (colon == NULL || colon + 1 == end)
        return error_set(err, ERR_CONFIG,
                         "REDIS_URL: before the @ there is no password; write user:password@ or "
                         ":password@");
    return url_decode(server->user, sizeof server->user, span_of(login.start, colon), key,
                      "the user", err) &&
           url_decode(server->password, sizeof server->password, span_of(colon + 1, end), key,
                      "the password", err);
}

static bool parse_database(struct redis_server *server, const char *path, struct error *err)
{
    long number = 0;
    if (*path == '\0' || strcmp(path, "/") == 0)
        return true;
    if (*path != '/' || !number_parse(path + 1, 0, REDIS_MOST_DATABASES - 1, &number))
        return error_set(err, ERR_CONFIG,
                         "REDIS_URL: nothing may follow host and port but /N, the number of a "
                         "database");
    server->database = (int)number;
    return true;
}

static bool parse(struct redis_server *server, const char *rest, struct error *err)
{
    const char *end;
    struct span login;
    if (!url_authority(rest, &end, key, err))
        return false;
    struct span where = span_of(rest, end);
    if (url_cut_login(&where, &login) && !parse_login(server, login, err))
        return false;
    return url_host_port(where, server->host, server->port, key, err) &&
           parse_database(server, end, err);
}

bool redis_url_parse(struct redis_server *server, const char *url, struct error *err)
{
    static const char scheme[] = "redis://", tls_scheme[] = "rediss://";
    *server = (struct redis_server){ .port = "6379", .database = -1 };
    server->tls = strncasecmp(url, tls_scheme, sizeof tls_scheme - 1) == 0;
    if (!server->tls && strncasecmp(url, scheme, sizeof scheme - 1) != 0)
        return error_set(err, ERR_CONFIG,
                         "REDIS_URL starts with neither redis:// nor rediss://; write "
                         "redis://user:password@host:6379");
    if (parse(server, url + (server->tls ? sizeof tls_scheme : sizeof scheme) - 1, err))
        return true;
    explicit_bzero(server->password, sizeof server->password);
    return false;
}
