#include "line-diff.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "words.h"

enum { CELLS_MAX = 1 << 22 };

struct line {
    const char *from;
    size_t length; /* without its end */
};

struct lines {
    struct line *line;
    size_t count;
};

static bool split(struct lines *lines, const struct text *text)
{
    const char *at = text->chars == NULL ? "" : text->chars, *end = at + text->length;
    size_t ends = 1;
    for (const char *c = at; c < end; c++)
        ends += *c == '\n';
    lines->line = calloc(ends, sizeof *lines->line);
    while (lines->line != NULL && at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        stop = stop == NULL ? end : stop;
        lines->line[lines->count++] = (struct line){ at, (size_t)(stop - at) };
        at = stop + (stop < end);
    }
    return lines->line != NULL;
}

static bool same(const struct line *a, const struct line *b)
{
    return a->length == b->length && memcmp(a->from, b->from, a->length) == 0;
}

static void show(struct text *diff, char sign, const struct line *line)
{
    char *raw = malloc(2 * (line->length + 1));
    if (raw == NULL) {
        diff->failed = 1;
        return;
    }
    char *clean = raw + line->length + 1;
    for (size_t i = 0; i < line->length; i++)
        raw[i] = line->from[i] == '\0' ? ' ' : line->from[i];
    raw[line->length] = '\0';
    utf8_clean(clean, line->length + 1, raw);
    text_printf(diff, "%c%s\n", sign, clean);
    free(raw);
}

/* Lengths of the longest common subsequences of what is left of both, row by row; NULL when that is
 * too much to ask for. */
static unsigned *measure(const struct line *old, size_t olds, const struct line *new, size_t news)
{
    size_t width = news + 1;
    if (olds + 1 > CELLS_MAX / width)
        return NULL;
    unsigned *common = calloc((olds + 1) * width, sizeof *common);
    for (size_t i = olds; common != NULL && i-- > 0;)
        for (size_t j = news; j-- > 0;) {
            const unsigned *cell = common + i * width + j;
            unsigned below = cell[width], right = cell[1];
            common[i * width + j] = same(&old[i], &new[j]) ? cell[width + 1] + 1
                                    : below >= right       ? below
                                                           : right;
        }
    return common;
}

static size_t walk(struct text *diff, const struct line *old, size_t olds, const struct line *new,
                   size_t news)
{
    unsigned *common = measure(old, olds, new, news);
    size_t i = 0, j = 0, shown = 0, width = news + 1;
    while (i < olds || j < news) {
        bool both = i < olds && j < news;
        if (both && common != NULL && same(&old[i], &new[j])) {
            i++;
            j++;
            continue;
        }
        bool goes =
            !both ? i < olds
                  : common == NULL || common[(i + 1) * width + j] >= common[i * width + j + 1];
        show(diff, goes ? '-' : '+', goes ? &old[i++] : &new[j++]);
        shown++;
    }
    free(common);
    return shown;
}

size_t line_diff(struct text *diff, const struct text *old, const struct text *new)
{
    struct lines a = { 0 }, b = { 0 };
    size_t from = 0, shown = 0;
    if (split(&a, old) && split(&b, new)) {
        while (from < a.count && from < b.count && same(&a.line[from], &b.line[from]))
            from++;
        while (a.count > from && b.count > from &&
               same(&a.line[a.count - 1], &b.line[b.count - 1])) {
            a.count--;
            b.count--;
        }
        shown = walk(diff, a.line + from, a.count - from, b.line + from, b.count - from);
    } else {
        diff->failed = 1;
    }
    free(a.line);
    free(b.line);
    return shown;
}
