/* api-token: the platform's own token: a JWT, HS256. Pure. */
#ifndef JOBS_API_TOKEN_H
#define JOBS_API_TOKEN_H

#include <stdbool.h>
#include <time.h>

#include "api-reply.h"

/* Read a token, which may hold anything: true with the id of its user (claim "userId", a UUID), or
 * false with *why, of which 401 tells.
 * secret  "" lets nobody in
 * now     for exp and nbf, which need not be there: the platform's own check asks for neither */
bool api_token_read(const char *token, const char *secret, time_t now, char user[37],
                    enum api_message *why);

#endif
