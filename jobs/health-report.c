#include "health-report.h"

#include <string.h>

#include "words.h"

const char *const health_names[HEALTH_CHECKS + 1] = { "database", "redis",   "storage", "openai",
                                                      "mail",     "backlog", "tasks",   "clock",
                                                      "disk",     NULL };

/* What a state is called and looks like. rank: higher is worse; marks: on a terminal, elsewhere. */
static const struct face {
    const char *word;
    int rank, exit_code;
    const char *mark, *plain, *colour;
} faces[] = {
    [CHECK_OFF] = { "off", 0, 0, "·", "-", "" },
    [CHECK_OK] = { "ok", 0, 0, "✔", "+", "\033[32m" },
    [CHECK_WARNING] = { "warning", 1, 1, "!", "!", "\033[33m" },
    [CHECK_CRITICAL] = { "critical", 3, 2, "✘", "x", "\033[31m" },
    [CHECK_UNKNOWN] = { "unknown", 2, 3, "?", "?", "\033[35m" },
};

/* --- what it comes to ------------------------------------------------------------------------- */

enum check_state health_state(const struct health *health, int check)
{
    enum check_state state = health->checks[check].state;
    return state == CHECK_CRITICAL && !health->critical[check] ? CHECK_WARNING : state;
}

enum check_state health_worst(const struct health *health)
{
    enum check_state worst = CHECK_OK;
    for (int i = 0; i < HEALTH_CHECKS; i++)
        if (faces[health_state(health, i)].rank > faces[worst].rank)
            worst = health_state(health, i);
    return worst;
}

int health_exit_code(enum check_state state)
{
    return faces[state].exit_code;
}

/* --- JSON ------------------------------------------------------------------------------------- */

static json_t *detail(const struct health *health, int i)
{
    const struct check *check = &health->checks[i];
    json_t *made =
        json_pack("{s:s, s:o, s:s*}", "state", faces[health_state(health, i)].word, "latency_ms",
                  check->latency_ms < 0 ? json_null() : json_integer(check->latency_ms), "error",
                  check->words[0] == '\0' ? NULL : check->words);
    if (check->certificate_days != CHECK_NO_CERTIFICATE)
        json_object_set_new(made, "certificate_days", json_integer(check->certificate_days));
    if (health->figures[i].name != NULL)
        json_object_set_new(made, health->figures[i].name, json_integer(health->figures[i].value));
    return made;
}

static json_t *is_up(const struct check *check)
{
    return check->state == CHECK_OFF
               ? json_null()
               : json_boolean(check->state == CHECK_OK || check->state == CHECK_WARNING);
}

/* How many checks came to what, for the log and for Prometheus. */
static bool add_counts(const struct health *health, json_t *result)
{
    static const struct {
        const char *name;
        enum check_state state;
    } counts[] = { { "checksOk", CHECK_OK },
                   { "checksWarning", CHECK_WARNING },
                   { "checksCritical", CHECK_CRITICAL },
                   { "checksUnknown", CHECK_UNKNOWN } };
    bool added = true;
    for (size_t c = 0; c < sizeof counts / sizeof counts[0]; c++) {
        int count = 0;
        for (int i = 0; i < HEALTH_CHECKS; i++)
            count += health_state(health, i) == counts[c].state;
        added = json_object_set_new(result, counts[c].name, json_integer(count)) == 0 && added;
    }
    return added;
}

bool health_result(const struct health *health, json_t *result)
{
    json_t *details = json_object();
    bool made =
        json_object_set_new(result, "status", json_string(faces[health_worst(health)].word)) == 0;
    for (int i = HEALTH_DATABASE; i <= HEALTH_OPENAI; i++)
        made = json_object_set_new(result, health_names[i], is_up(&health->checks[i])) == 0 && made;
    for (int i = 0; i < HEALTH_CHECKS; i++)
        if (health->checks[i].state != CHECK_OFF)
            made = json_object_set_new(details, health_names[i], detail(health, i)) == 0 && made;
    return json_object_set_new(result, "details", details) == 0 && add_counts(health, result) &&
           made;
}

/* --- alerts ----------------------------------------------------------------------------------- */

static json_t *sighting(const struct check *check, const char *kind, bool bad)
{
    return bad ? json_pack("{s:s, s:s, s:s}", "kind", kind, "cause", check->name, "summary",
                           check->words)
               : json_pack("{s:s, s:s, s:b}", "kind", kind, "cause", check->name, "good", 1);
}

json_t *health_sight(const struct health *health)
{
    json_t *seen = json_array();
    bool made = seen != NULL;
    for (int i = 0; i < HEALTH_CHECKS; i++) {
        const struct check *check = &health->checks[i];
        bool fine = check->state == CHECK_OK || check->state == CHECK_OFF;
        bool down = health->critical[i] && !fine && check->state != CHECK_WARNING;
        /* what depends on the database is not known without it, and no news either */
        if (health->is_told[i])
            continue;
        made =
            made && json_array_append_new(seen, sighting(check, "service-down", down)) == 0 &&
            (down || json_array_append_new(seen, sighting(check, "service-warning", !fine)) == 0);
    }
    if (made)
        return seen;
    json_decref(seen);
    return NULL;
}

/* --- Nagios ----------------------------------------------------------------------------------- */

/* What stands behind a bar is numbers to Nagios. */
static void put_words(FILE *out, const char *words)
{
    for (; *words != '\0'; words++)
        fputc(*words == '|' ? '/' : *words, out);
}

static const char *nagios_word(enum check_state state)
{
    static const char *const words[] = { "OK", "WARNING", "CRITICAL", "UNKNOWN" };
    return words[health_exit_code(state)];
}

static void put_figures(FILE *out, const struct health *health)
{
    const char *between = " |";
    for (int i = 0; i < HEALTH_CHECKS; i++) {
        const struct check *check = &health->checks[i];
        const struct health_figure *figure = &health->figures[i];
        if (check->state == CHECK_OFF)
            continue;
        if (i < HEALTH_PEERS && check->latency_ms >= 0)
            fprintf(out, "%s %s=%dms", between, check->name, check->latency_ms), between = "";
        if (check->certificate_days != CHECK_NO_CERTIFICATE)
            fprintf(out, "%s %s_certificate_days=%ld;%d:;0:", between, check->name,
                    check->certificate_days, CHECK_SOON_DAYS),
                between = "";
        if (figure->name != NULL)
            fprintf(out, "%s %s_%s=%lld%s", between, check->name, figure->name, figure->value,
                    figure->unit),
                between = "";
    }
}

void health_print_nagios(FILE *out, const struct health *health)
{
    int fine = 0;
    const char *between = " - ";
    fprintf(out, "TICKEASY %s", nagios_word(health_worst(health)));
    for (int r = 3; r > 0; r--) /* the worst first */
        for (int i = 0; i < HEALTH_CHECKS; i++)
            if (faces[health_state(health, i)].rank == r) {
                fprintf(out, "%s%s: ", between, health_names[i]);
                put_words(out, health->checks[i].words);
                between = "; ";
            }
    for (int i = 0; i < HEALTH_CHECKS; i++)
        fine += health->checks[i].state == CHECK_OK;
    if (health_worst(health) == CHECK_OK)
        fprintf(out, " - %d check%s fine", fine, fine == 1 ? " is" : "s are");
    put_figures(out, health);
    fputc('\n', out);
}

/* --- a table ---------------------------------------------------------------------------------- */

/* What stands behind the figures of a check. */
static void explain(const struct check *check, char *words, size_t size)
{
    if (check->state == CHECK_OFF)
        snprintf(words, size, "not configured");
    else if (check->words[0] == '\0' && check->certificate_days != CHECK_NO_CERTIFICATE)
        snprintf(words, size, "certificate for %ld more days", check->certificate_days);
    else
        utf8_clean(words, size, check->words);
}

static void print_line(FILE *out, const struct health *health, int i, bool marks, bool colours)
{
    const struct check *check = &health->checks[i];
    enum check_state state = health_state(health, i);
    const struct face *look = &faces[state];
    char latency[24] = "", words[sizeof check->words], line[sizeof words + 64];
    if (i < HEALTH_PEERS && check->latency_ms >= 0 && state != CHECK_OFF)
        snprintf(latency, sizeof latency, "%d ms", check->latency_ms);
    explain(check, words, sizeof words);
    int length = snprintf(line, sizeof line, "%-9s %-9s %8s  %s", check->name,
                          state == CHECK_OFF ? "" : faces[state].word, latency, words);
    while (length > 0 && line[length - 1] == ' ')
        length--;
    bool coloured = colours && look->colour[0] != '\0';
    fprintf(out, "%s%s%s %.*s\n", coloured ? look->colour : "", marks ? look->mark : look->plain,
            coloured ? "\033[0m" : "", length, line);
}

void health_print(FILE *out, const struct health *health, bool marks, bool colours)
{
    for (int i = 0; i < HEALTH_CHECKS; i++)
        if (health->wanted[i])
            print_line(out, health, i, marks, colours);
}
