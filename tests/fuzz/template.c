/* Fuzz template_render and template_check. Input: a byte for the escape, the template, NUL, the
 * data as JSON. A result stays within 1 MiB; a refusal has one of the two kinds the contract names;
 * what a check with this one sample finds good renders with it, unless it is too much. */
#include "template.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

/* No arrays: their elements need not all have what one of them has. */
static bool is_flat(json_t *data)
{
    const char *key;
    json_t *value;
    json_object_foreach(data, key, value)
    {
        if (json_is_array(value) || !is_flat(value))
            return false;
    }
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
    if (size < 2)
        return 0;
    char *text = malloc(size);
    if (text == NULL)
        return 0;
    memcpy(text, input + 1, size - 1);
    text[size - 1] = '\0';
    size_t length = strlen(text);
    const char *json = length + 1 < size ? text + length + 1 : "{}";
    json_t *data = json_loads(json, JSON_ALLOW_NUL, NULL);
    if (data != NULL) {
        struct error err = { 0 };
        enum template_escape escape = input[0] % 2 == 0 ? TEMPLATE_PLAIN : TEMPLATE_HTML;
        char *result = template_render("fuzz", text, data, escape, &err);
        if (result != NULL && (err.kind != ERR_NONE || strlen(result) > (size_t)1024 * 1024))
            abort();
        if (result == NULL && err.kind != ERR_CONFIG && err.kind != ERR_REJECTED)
            abort();
        struct error why = { 0 };
        json_t *samples = json_pack("[O]", data);
        bool good = template_check("fuzz", text, samples, &why);
        json_decref(samples);
        if (good != (why.kind == ERR_NONE) ||
            (!good && why.kind != ERR_CONFIG && why.kind != ERR_REJECTED))
            abort();
        if (good && json_is_object(data) && is_flat(data) && result == NULL &&
            err.kind != ERR_REJECTED)
            abort();
        free(result);
    }
    json_decref(data);
    free(text);
    return 0;
}
