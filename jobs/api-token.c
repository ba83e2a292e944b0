#include "api-token.h"

#include <jansson.h>
#include <jwt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json_read.h"
#include "value.h"

enum { TOKEN_MAX_BYTES = 8192 };

/* Of the claims: from when until when the token is good, and whose it is. */
static enum api_message judge(const json_t *claims, time_t now, char user[37])
{
    const json_t *until = json_object_get(claims, "exp"), *from = json_object_get(claims, "nbf");
    const char *id = json_string_value(json_object_get(claims, "userId"));
    if ((until != NULL && !json_is_number(until)) || (from != NULL && !json_is_number(from)))
        return API_WRONG_TOKEN;
    if (until != NULL && json_number_value(until) <= (double)now)
        return API_EXPIRED_TOKEN;
    if (from != NULL && json_number_value(from) > (double)now)
        return API_EARLY_TOKEN;
    if (id == NULL || !uuid_valid(id))
        return API_TOKEN_OF_NOBODY;
    snprintf(user, 37, "%s", id);
    return API_SILENT;
}

/* The library has judged the signature, in constant time, by the algorithm that the token names; of
 * those only HS256 is ours. It refuses "none" where there is a key. */
static enum api_message read_claims(jwt_t *jwt, time_t now, char user[37])
{
    if (jwt_get_alg(jwt) != JWT_ALG_HS256)
        return API_OTHER_ALGORITHM;
    char *text = jwt_get_grants_json(jwt, NULL);
    struct error err = { 0 };
    json_t *claims = text == NULL ? NULL : json_read(text, strlen(text), 0, &err);
    enum api_message why = claims == NULL ? API_WRONG_TOKEN : judge(claims, now, user);
    json_decref(claims);
    free(text);
    return why;
}

bool api_token_read(const char *token, const char *secret, time_t now, char user[37],
                    enum api_message *why)
{
    jwt_t *jwt = NULL;
    size_t length = strlen(secret);
    *why = API_NO_SECRET;
    if (length == 0)
        return false;
    *why = API_WRONG_TOKEN;
    if (strlen(token) <= TOKEN_MAX_BYTES &&
        jwt_decode(&jwt, token, (const unsigned char *)secret, (int)length) == 0)
        *why = read_claims(jwt, now, user);
    jwt_free(jwt);
    return *why == API_SILENT;
}
