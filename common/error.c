#include "error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "words.h"

bool error_set(struct error *err, enum error_kind kind, const char *format, ...)
{
    if (err->kind != ERR_NONE)
        return false;
    err->kind = kind;
    char words[sizeof err->text];
    va_list args;
    va_start(args, format);
    vsnprintf(words, sizeof words, format, args);
    va_end(args);
    utf8_clean(err->text, sizeof err->text, words); /* a cut may have left half a character */
    size_t length = strlen(err->text);
    while (length > 0 && err->text[length - 1] == ' ')
        err->text[--length] = '\0';
    return false;
}

void error_keep(struct error *err, const struct error *cause)
{
    if (err->kind == ERR_NONE)
        *err = *cause;
}

bool error_memory(struct error *err)
{
    return error_set(err, ERR_INTERNAL, "out of memory");
}

void error_clear(struct error *err)
{
    err->kind = ERR_NONE;
    err->text[0] = '\0';
}

bool error_is_temporary(enum error_kind kind)
{
    return kind == ERR_UNAVAILABLE || kind == ERR_CONFLICT;
}

int error_exit_code(enum error_kind kind)
{
    switch (kind) {
    case ERR_NONE:
        return EX_OK;
    case ERR_USAGE:
        return EX_USAGE;
    case ERR_CONFIG:
        return EX_CONFIG;
    case ERR_UNAVAILABLE:
        return EX_UNAVAILABLE;
    case ERR_CONFLICT:
    case ERR_TIMEOUT:
    case ERR_STOPPED:
    case ERR_BUSY:
    case ERR_FENCED:
        return EX_TEMPFAIL;
    case ERR_REJECTED:
    case ERR_INTERNAL:
        return EX_SOFTWARE;
    }
    return EX_SOFTWARE;
}
