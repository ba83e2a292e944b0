#include "template.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "words.h"

/* The text is cut into tags first, so that a mistake in a section that this data does not reach is
 * found all the same; the tags are then rendered, a section's body once per element. */

enum {
    OUTPUT_MAX = 1024 * 1024,
    NESTING_MAX = 16,
    /* Sections over arrays inside each other multiply: a small text and small data can ask for
     * hours of work that prints nothing. A mail of ours needs some hundred. */
    STEPS_MAX = 1000 * 1000,
};

enum tag_kind { TAG_VALUE, TAG_RAW, TAG_OPEN, TAG_INVERTED, TAG_CLOSE, TAG_COMMENT, TAG_END };

/* A tag and the literal text in front of it; the last one, TAG_END, has the rest of the text. */
struct tag {
    enum tag_kind kind;
    const char *literal;
    size_t literal_length;
    const char *name;
    size_t name_length;
    int line;
    size_t close; /* of a section: the index of its closing tag */
};

struct tags {
    struct tag *list;
    size_t count, size;
};

/* The values around the current place, innermost first. */
struct scope {
    const json_t *value;
    const struct scope *outer;
};

struct render {
    const char *name;
    const struct tag *tags;
    enum template_escape escape;
    FILE *out;
    size_t written;
    long steps;
    struct error *err;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* --- cutting ---------------------------------------------------------------------------------- */

static bool add_tag(struct tags *tags, const struct tag *tag, struct error *err)
{
    if (tags->count == tags->size) {
        size_t size = tags->size == 0 ? 32 : tags->size * 2;
        struct tag *list = reallocarray(tags->list, size, sizeof *list);
        if (list == NULL) {
            error_memory(err);
            return false;
        }
        tags->list = list;
        tags->size = size;
    }
    tags->list[tags->count++] = *tag;
    return true;
}

/* "a", "a.b" or "."; anything else is a slip of the pen, and would be an absent section unseen. */
static bool name_is_good(const char *name, size_t length)
{
    if (length == 1 && *name == '.')
        return true;
    char before = '.';
    for (size_t i = 0; i < length; i++) {
        char c = name[i];
        bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '_' || c == '-';
        if (!word && (c != '.' || before == '.'))
            return false;
        before = c;
    }
    return before != '.';
}

/* Read the tag at start, which is "{{". Returns where the text goes on, or NULL. */
static const char *read_tag(const char *file, const char *start, struct tag *tag, struct error *err)
{
    bool raw = start[2] == '{';
    const char *name = start + (raw ? 3 : 2);
    const char *end = strstr(name, raw ? "}}}" : "}}");
    if (end == NULL) {
        error_set(err, ERR_CONFIG, "%s:%d: tag is not closed", file, tag->line);
        return NULL;
    }
    const char *next = end + (raw ? 3 : 2);
    tag->kind = raw ? TAG_RAW : TAG_VALUE;
    static const char marks[] = "#^/!";
    static const enum tag_kind kinds[] = { TAG_OPEN, TAG_INVERTED, TAG_CLOSE, TAG_COMMENT };
    const char *mark = raw || name == end ? NULL : strchr(marks, *name);
    if (mark != NULL) {
        tag->kind = kinds[mark - marks];
        name++;
    }
    while (name < end && is_blank(*name))
        name++;
    while (end > name && is_blank(end[-1]))
        end--;
    tag->name = name;
    tag->name_length = (size_t)(end - name);
    if (tag->kind == TAG_COMMENT)
        return next;
    if (name == end)
        error_set(err, ERR_CONFIG, "%s:%d: tag is empty", file, tag->line);
    else if (!name_is_good(name, tag->name_length))
        error_set(err, ERR_CONFIG, "%s:%d: \"%.*s\" is not a name", file, tag->line,
                  (int)(tag->name_length < 40 ? tag->name_length : 40), name);
    else
        return next;
    return NULL;
}

/* When the tag [start, next) is alone on its line, take the blanks in front of it from its literal
 * and return the start of the next line; otherwise return next. */
static const char *take_line(const char *text, const char *start, const char *next, struct tag *tag)
{
    const char *line = start;
    while (line > text && is_blank(line[-1]))
        line--;
    if (line > text && line[-1] != '\n')
        return next;
    const char *end = next;
    while (is_blank(*end))
        end++;
    if (end[0] == '\r' && end[1] == '\n')
        end++;
    if (*end != '\0' && *end != '\n')
        return next;
    tag->literal_length = (size_t)(line - tag->literal);
    return *end == '\n' ? end + 1 : end;
}

static bool cut_tags(const char *file, const char *text, struct tags *tags, struct error *err)
{
    const char *at = text;
    const char *counted = text;
    int line = 1;
    for (const char *start; (start = strstr(at, "{{")) != NULL;) {
        for (; counted < start; counted++)
            line += *counted == '\n';
        struct tag tag = { .literal = at, .literal_length = (size_t)(start - at), .line = line };
        at = read_tag(file, start, &tag, err);
        if (at == NULL)
            return false;
        if (tag.kind != TAG_VALUE && tag.kind != TAG_RAW)
            at = take_line(text, start, at, &tag);
        if (!add_tag(tags, &tag, err))
            return false;
    }
    struct tag end = { .kind = TAG_END, .literal = at, .literal_length = strlen(at) };
    return add_tag(tags, &end, err);
}

static bool same_name(const struct tag *a, const struct tag *b)
{
    return a->name_length == b->name_length && memcmp(a->name, b->name, a->name_length) == 0;
}

/* Give each section its closing tag. */
static bool match_tags(const char *file, struct tags *tags, struct error *err)
{
    size_t open[NESTING_MAX];
    int depth = 0;
    for (size_t i = 0; i < tags->count; i++) {
        struct tag *tag = &tags->list[i];
        if (tag->kind == TAG_OPEN || tag->kind == TAG_INVERTED) {
            if (depth == NESTING_MAX)
                return error_set(err, ERR_REJECTED, "%s:%d: sections nested over %d deep", file,
                                 tag->line, NESTING_MAX);
            open[depth++] = i;
        } else if (tag->kind == TAG_CLOSE) {
            if (depth == 0 || !same_name(tag, &tags->list[open[depth - 1]]))
                return error_set(err, ERR_CONFIG, "%s:%d: {{/%.*s}} closes no open section", file,
                                 tag->line, (int)tag->name_length, tag->name);
            tags->list[open[--depth]].close = i;
        }
    }
    if (depth == 0)
        return true;
    const struct tag *left = &tags->list[open[depth - 1]];
    return error_set(err, ERR_CONFIG, "%s:%d: section %.*s is not closed", file, left->line,
                     (int)left->name_length, left->name);
}

/* --- printing --------------------------------------------------------------------------------- */

static bool put(struct render *render, const char *text, size_t length)
{
    if (length > OUTPUT_MAX - render->written)
        return error_set(render->err, ERR_REJECTED, "%s: result is over %d bytes", render->name,
                         OUTPUT_MAX);
    render->written += length;
    if (fwrite(text, 1, length, render->out) != length)
        return error_memory(render->err);
    return true;
}

static const char *entity(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

/* A raw value keeps its markup and its lines, but no other control character either: a NUL would
 * end the text. */
static bool put_value(struct render *render, const char *text, size_t length, bool raw)
{
    bool html = render->escape == TEMPLATE_HTML && !raw;
    for (size_t done = 0; done < length;) {
        size_t plain = done;
        while (plain < length && control_length(text + plain, length - plain) == 0 &&
               !(html && entity(text[plain]) != NULL))
            plain++;
        if (!put(render, text + done, plain - done))
            return false;
        if (plain == length)
            break;
        const char *markup = html ? entity(text[plain]) : NULL;
        if (markup != NULL && !put(render, markup, strlen(markup)))
            return false;
        if (!html && (text[plain] == '\n' || text[plain] == '\t') && !put(render, text + plain, 1))
            return false;
        done = plain + (markup != NULL ? 1 : control_length(text + plain, length - plain));
    }
    return true;
}

/* --- data ------------------------------------------------------------------------------------- */

/* The first part of a dotted name decides which object is meant, the rest is looked up in it. */
static const json_t *look_up(const struct scope *scope, const char *name, size_t length)
{
    if (length == 1 && *name == '.')
        return scope->value;
    const json_t *value = NULL;
    const char *dot = memchr(name, '.', length);
    size_t part = dot == NULL ? length : (size_t)(dot - name);
    for (; scope != NULL && value == NULL; scope = scope->outer)
        value = json_object_getn(scope->value, name, part);
    while (value != NULL && part < length) {
        name += part + 1;
        length -= part + 1;
        dot = memchr(name, '.', length);
        part = dot == NULL ? length : (size_t)(dot - name);
        value = json_object_getn(value, name, part);
    }
    return value;
}

static bool is_filled(const json_t *value)
{
    if (value == NULL)
        return false;
    switch (json_typeof(value)) {
    case JSON_OBJECT:
    case JSON_TRUE:
        return true;
    case JSON_ARRAY:
        return json_array_size(value) > 0;
    case JSON_STRING:
        return json_string_length(value) > 0;
    case JSON_INTEGER:
        return json_integer_value(value) != 0;
    case JSON_REAL:
        return json_real_value(value) < 0 || json_real_value(value) > 0;
    case JSON_FALSE:
    case JSON_NULL:
        return false;
    }
    return false;
}

static bool no_value(struct render *render, const struct tag *tag)
{
    return error_set(render->err, ERR_CONFIG, "%s:%d: no value named %.*s", render->name, tag->line,
                     (int)tag->name_length, tag->name);
}

static bool not_a_value(struct render *render, const struct tag *tag)
{
    return error_set(render->err, ERR_CONFIG, "%s:%d: %.*s is an object or array, not a value",
                     render->name, tag->line, (int)tag->name_length, tag->name);
}

static bool render_value(struct render *render, const struct tag *tag, const struct scope *scope)
{
    const json_t *value = look_up(scope, tag->name, tag->name_length);
    if (value == NULL)
        return no_value(render, tag);
    char number[400]; /* -DBL_MAX has 309 digits before the point */
    switch (json_typeof(value)) {
    case JSON_STRING:
        return put_value(render, json_string_value(value), json_string_length(value),
                         tag->kind == TAG_RAW);
    case JSON_INTEGER:
        snprintf(number, sizeof number, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        return put(render, number, strlen(number));
    case JSON_REAL:
        snprintf(number, sizeof number, "%.2f", json_real_value(value));
        return put(render, number, strlen(number));
    case JSON_TRUE:
        return put(render, "true", 4);
    case JSON_FALSE:
        return put(render, "false", 5);
    case JSON_NULL:
        return true;
    case JSON_OBJECT:
    case JSON_ARRAY:
        break;
    }
    return not_a_value(render, tag);
}

static bool render_tags(struct render *render, size_t first, size_t last,
                        const struct scope *scope);

static bool render_section(struct render *render, size_t index, const struct scope *scope)
{
    const struct tag *tag = &render->tags[index];
    const json_t *value = look_up(scope, tag->name, tag->name_length);
    if (tag->kind == TAG_INVERTED)
        return is_filled(value) || render_tags(render, index + 1, tag->close, scope);
    if (!is_filled(value))
        return true;
    struct scope inner = { .value = value, .outer = scope };
    if (!json_is_array(value))
        return render_tags(render, index + 1, tag->close, &inner);
    for (size_t i = 0; i < json_array_size(value); i++) {
        inner.value = json_array_get(value, i);
        if (!render_tags(render, index + 1, tag->close, &inner))
            return false;
    }
    return true;
}

/* Render the tags from first to last and the literals in front of each. Recursion is as deep as
 * sections are nested, which match_tags has bounded. */
static bool render_tags(struct render *render, size_t first, size_t last, const struct scope *scope)
{
    for (size_t i = first; i <= last; i++) {
        const struct tag *tag = &render->tags[i];
        if (++render->steps > STEPS_MAX)
            return error_set(render->err, ERR_REJECTED, "%s: over %d tags to render", render->name,
                             STEPS_MAX);
        if (!put(render, tag->literal, tag->literal_length))
            return false;
        if (tag->kind == TAG_VALUE || tag->kind == TAG_RAW) {
            if (!render_value(render, tag, scope))
                return false;
        } else if (tag->kind == TAG_OPEN || tag->kind == TAG_INVERTED) {
            if (!render_section(render, i, scope))
                return false;
            i = tag->close;
        }
    }
    return true;
}

/* --- checking --------------------------------------------------------------------------------- */

/* Here the value of a scope is an array of all that the samples have in its place, so that one walk
 * through each section knows every name that may be there. */

/* What the objects among values have under that name, or for "." they themselves, added to found.
 */
static bool add_members(json_t *found, const json_t *values, const char *name, size_t length)
{
    for (size_t i = 0; i < json_array_size(values); i++) {
        json_t *value = json_array_get(values, i);
        if (length != 1 || *name != '.')
            value = json_object_getn(value, name, length);
        if (value != NULL && json_array_append(found, value) != 0)
            return false;
    }
    return true;
}

/* Length of the part of a name in front of its first dot; "." is a part. */
static size_t first_part(const char *name, size_t length)
{
    const char *dot = length == 1 ? NULL : memchr(name, '.', length);
    return dot == NULL ? length : (size_t)(dot - name);
}

/* As look_up, for all samples at once: a new array, empty when none has the name; NULL without
 * memory. */
static json_t *look_up_all(const struct scope *scope, const char *name, size_t length)
{
    json_t *found = json_array();
    bool added = found != NULL;
    size_t part = first_part(name, length);
    for (; added && scope != NULL && json_array_size(found) == 0; scope = scope->outer)
        added = add_members(found, scope->value, name, part);
    while (added && part < length) {
        name += part + 1;
        length -= part + 1;
        part = first_part(name, length);
        json_t *inner = json_array();
        added = inner != NULL && add_members(inner, found, name, part);
        json_decref(found);
        found = inner;
    }
    if (added)
        return found;
    json_decref(found);
    return NULL;
}

/* What a section over these values may find as its element; NULL without memory. */
static json_t *elements(const json_t *values)
{
    json_t *found = json_array();
    for (size_t i = 0; found != NULL && i < json_array_size(values); i++) {
        json_t *value = json_array_get(values, i);
        int failed = json_is_array(value) ? json_array_extend(found, value)
                                          : json_array_append(found, value);
        if (failed == 0)
            continue;
        json_decref(found);
        found = NULL;
    }
    return found;
}

static bool check_tags(struct render *render, size_t first, size_t last, const struct scope *scope);

static bool check_section(struct render *render, size_t index, const json_t *values,
                          const struct scope *scope)
{
    const struct tag *tag = &render->tags[index];
    if (tag->kind == TAG_INVERTED)
        return check_tags(render, index + 1, tag->close, scope);
    json_t *inside = elements(values);
    if (inside == NULL)
        return error_memory(render->err);
    struct scope inner = { .value = inside, .outer = scope };
    bool good = check_tags(render, index + 1, tag->close, &inner);
    json_decref(inside);
    return good;
}

static bool check_value(struct render *render, const struct tag *tag, const json_t *values)
{
    for (size_t i = 0; i < json_array_size(values); i++) {
        const json_t *value = json_array_get(values, i);
        if (json_is_object(value) || json_is_array(value))
            return not_a_value(render, tag);
    }
    return true;
}

static bool check_tags(struct render *render, size_t first, size_t last, const struct scope *scope)
{
    for (size_t i = first; i <= last; i++) {
        const struct tag *tag = &render->tags[i];
        if (tag->kind == TAG_COMMENT || tag->kind == TAG_CLOSE || tag->kind == TAG_END)
            continue;
        json_t *values = look_up_all(scope, tag->name, tag->name_length);
        if (values == NULL)
            return error_memory(render->err);
        bool section = tag->kind == TAG_OPEN || tag->kind == TAG_INVERTED;
        bool good = json_array_size(values) == 0
                        ? no_value(render, tag)
                        : (section ? check_section(render, i, values, scope)
                                   : check_value(render, tag, values));
        json_decref(values);
        if (!good)
            return false;
        if (section)
            i = tag->close;
    }
    return true;
}

bool template_check(const char *name, const char *text, const json_t *samples, struct error *err)
{
    struct tags tags = { 0 };
    struct render render = { .name = name, .err = err };
    bool good = cut_tags(name, text, &tags, err) && match_tags(name, &tags, err);
    if (good) {
        struct scope top = { .value = samples };
        render.tags = tags.list;
        good = check_tags(&render, 0, tags.count - 1, &top);
    }
    free(tags.list);
    return good;
}

/* --- rendering -------------------------------------------------------------------------------- */

char *template_render(const char *name, const char *text, const json_t *data,
                      enum template_escape escape, struct error *err)
{
    struct tags tags = { 0 };
    char *result = NULL;
    size_t length = 0;
    struct render render = { .name = name, .escape = escape, .err = err };
    bool rendered = false;
    if (!cut_tags(name, text, &tags, err) || !match_tags(name, &tags, err))
        goto out;
    render.out = open_memstream(&result, &length);
    if (render.out == NULL) {
        error_memory(err);
        goto out;
    }
    struct scope top = { .value = data };
    render.tags = tags.list;
    rendered = render_tags(&render, 0, tags.count - 1, &top);
out:
    if (render.out != NULL && fclose(render.out) != 0)
        rendered = error_memory(err);
    free(tags.list);
    if (rendered)
        return result;
    free(result);
    return NULL;
}
