/* template: a Mustache subset over JSON data.
 *
 * {{name}} {{a.b}} escaped value · {{{name}}} raw value · {{#name}}…{{/name}} once per array
 * element, or once when true, an object, a filled string or a number other than 0 ·
 * {{^name}}…{{/name}} when false, null, empty, 0 or absent ·
 * {{.}} the current element · {{!comment}}. A section tag or comment alone on its line takes the
 * line with it. Names are looked up from the innermost object outwards. Numbers print as integers
 * or %.2f reals. */
#ifndef COMMON_TEMPLATE_H
#define COMMON_TEMPLATE_H

#include <jansson.h>
#include <stdbool.h>

#include "error.h"

enum template_escape {
    TEMPLATE_PLAIN, /* text: values as they are, control characters but tab and newline dropped */
    TEMPLATE_HTML,  /* & < > " ' become entities, control characters dropped */
};

/* Render text (called name in errors) with data (an object). Returns malloc'd UTF-8 for the caller
 * to free, or NULL. Errors: ERR_CONFIG "NAME:LINE: ..." for an unknown variable (a {{name}} that no
 * enclosing object has), an unbalanced or empty tag, an object or array printed as a value; a
 * result over 1 MiB, nesting over 16 or over a million tags to render is ERR_REJECTED. */
char *template_render(const char *name, const char *text, const json_t *data,
                      enum template_escape escape, struct error *err);

/* Check text against samples, an array of objects that together have every name there is: each
 * section is entered, whether a sample fills it or not. What some samples lack is found by
 * rendering with each of them. Errors as template_render, and ERR_CONFIG for a section of an
 * unknown name, which at rendering is merely absent. */
bool template_check(const char *name, const char *text, const json_t *samples, struct error *err);

#endif
