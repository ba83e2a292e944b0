#include "crontab-read.h"

#include <ctype.h>
#include <string.h>

#include "config.h"

static const char blanks[] = " \t";
static const char begin[] = "# BEGIN tickeasy-jobs", begin_of[] = " of ";
const char crontab_end[] = "# END tickeasy-jobs";
static const char config_name[] = "TICKEASY_JOBS_CONFIG";

/* A part of the text, which is no C string: it may hold NULs. */
struct span {
    const char *at, *end;
};

static void skip_blanks(struct span *span)
{
    while (span->at < span->end && strchr(blanks, *span->at) != NULL && *span->at != '\0')
        span->at++;
}

static struct span take_word(struct span *span)
{
    struct span word = { span->at, span->at };
    while (word.end < span->end && (*word.end == '\0' || strchr(blanks, *word.end) == NULL))
        word.end++;
    span->at = word.end;
    return word;
}

/* True with *span behind word when it begins with it. */
static bool take(struct span *span, const char *word)
{
    size_t length = strlen(word);
    if ((size_t)(span->end - span->at) < length || memcmp(span->at, word, length) != 0)
        return false;
    span->at += length;
    return true;
}

static void empty(struct text *text)
{
    text->length = 0;
    text_add(text, "", 0); /* there are chars, then */
}

/* --- markers ---------------------------------------------------------------------------------- */

void crontab_add_begin(struct text *text, const char *config)
{
    bool usual = strcmp(config, config_usual_path) == 0;
    text_printf(text, "%s%s%s", begin, usual ? "" : begin_of, usual ? "" : config);
}

/* Nothing of the line is left but words for a person. */
static bool marker_ends(struct span rest)
{
    if (rest.at < rest.end && *rest.at == ':')
        return true;
    skip_blanks(&rest);
    return rest.at == rest.end;
}

static bool is_begin(struct span line)
{
    return take(&line, begin) && (marker_ends(line) || take(&line, begin_of));
}

static bool is_our_begin(struct span line, const struct crontab_ours *ours)
{
    take(&line, begin);
    return strcmp(ours->config, config_usual_path) == 0
               ? marker_ends(line)
               : take(&line, begin_of) && take(&line, ours->config) && marker_ends(line);
}

static bool is_end(struct span line)
{
    return take(&line, crontab_end) && marker_ends(line);
}

/* Follow the blocks; a broken one could take lines of the user with it. */
static bool follow_block(struct crontab_reader *reader, struct crontab_line *line,
                         struct span content, struct error *err)
{
    bool begins = is_begin(content), ends = is_end(content);
    if (begins && reader->in_block)
        return error_set(err, ERR_CONFIG,
                         "%s line %zu begins a block within that of line %zu: put \"%s\" where "
                         "that one ends",
                         reader->source->name, line->number, reader->block_number, crontab_end);
    if (ends && !reader->in_block)
        return error_set(err, ERR_CONFIG,
                         "%s line %zu is \"%s\" without its beginning: take it out",
                         reader->source->name, line->number, crontab_end);
    if (begins) {
        reader->in_block = true;
        reader->in_our_block = is_our_begin(content, reader->ours);
        reader->block_number = line->number;
    }
    line->inside = reader->in_our_block;
    if (line->inside && (begins || ends))
        line->kind = begins ? CRONTAB_BEGIN : CRONTAB_END;
    if (ends)
        reader->in_block = reader->in_our_block = false;
    return true;
}

/* --- entries ---------------------------------------------------------------------------------- */

/* NAME = "value" in a crontab; what is around it may be blanks. */
static bool take_config(struct crontab_reader *reader, struct span line)
{
    skip_blanks(&line);
    char quote = line.at < line.end && strchr("\"'", *line.at) != NULL ? *line.at : '\0';
    line.at += quote != '\0';
    if (!take(&line, config_name))
        return false;
    if (quote != '\0' && (line.at == line.end || *line.at++ != quote))
        return false;
    skip_blanks(&line);
    if (!take(&line, "="))
        return false;
    skip_blanks(&line);
    while (line.end > line.at && isspace((unsigned char)line.end[-1]))
        line.end--;
    if (line.end - line.at >= 2 && strchr("\"'", *line.at) != NULL && line.end[-1] == *line.at) {
        line.at++;
        line.end--;
    }
    empty(&reader->config);
    text_add(&reader->config, line.at, (size_t)(line.end - line.at));
    return true;
}

/* Take the schedule, and the user, off the line. */
static bool take_schedule(struct crontab_reader *reader, struct span *line)
{
    skip_blanks(line);
    if (line->at == line->end ||
        (!isdigit((unsigned char)*line->at) && *line->at != '*' && *line->at != '@'))
        return false;
    int words = *line->at == '@' ? 1 : 5;
    empty(&reader->schedule);
    for (int i = 0; i < words + reader->source->has_user; i++) {
        struct span word = take_word(line);
        size_t length = (size_t)(word.end - word.at);
        skip_blanks(line);
        if (length == 0 || memchr(word.at, '\0', length) != NULL)
            return false;
        if (i < words) {
            text_add(&reader->schedule, " ", i > 0);
            text_add(&reader->schedule, word.at, length);
        }
    }
    return true;
}

/* The command as cron hands it to the shell: up to the first bare %, behind which is its input. */
static void take_command(struct text *command, struct span rest)
{
    empty(command);
    while (rest.at < rest.end && *rest.at != '%') {
        bool escapes = *rest.at == '\\' && rest.at + 1 < rest.end;
        if (escapes && rest.at[1] == '%')
            rest.at++;
        else if (escapes)
            text_add(command, rest.at++, 1);
        text_add(command, rest.at++, 1);
    }
}

/* --- the shell's words ------------------------------------------------------------------------ */

/* What has been seen of a line's command. */
struct look {
    struct crontab_reader *reader;
    size_t commands;
    bool found;
    /* Of the command under way, or of the one that was found. */
    size_t words;
    const char *program; /* in reader->path; NULL: none of ours so far */
    bool known, is_run, names_config, is_ours, has_settings;
};

static bool config_is_ours(const struct look *look, const char *config)
{
    return strcmp(text_or(config, config_usual_path), look->reader->ours->config) == 0;
}

static bool is_known(const struct crontab_ours *ours, const char *name)
{
    for (const char *const *known = ours->programs; *known != NULL; known++)
        if (strcmp(*known, name) == 0)
            return true;
    return strcmp(name, "taskctl") == 0;
}

static bool is_in_folder(const struct crontab_ours *ours, const char *path, const char *name)
{
    size_t length = strlen(ours->folder);
    return name > path && (size_t)(name - path) == length + 1 &&
           memcmp(path, ours->folder, length) == 0;
}

static bool is_assignment(const char *word)
{
    const char *at = word;
    while (isalnum((unsigned char)*at) || *at == '_')
        at++;
    return at > word && *at == '=' && !isdigit((unsigned char)*word);
}

static void see_first_words(struct look *look, const char *word)
{
    const size_t length = sizeof config_name - 1;
    const char *slash = strrchr(word, '/'), *name = slash == NULL ? word : slash + 1;
    const struct crontab_ours *ours = look->reader->ours;
    if (is_assignment(word)) {
        if (strncmp(word, config_name, length) == 0 && word[length] == '=')
            look->is_ours = config_is_ours(look, word + length + 1);
        else
            look->has_settings = true;
        return;
    }
    look->known = is_known(ours, name);
    if (!look->known && !is_in_folder(ours, word, name))
        return;
    struct text *path = &look->reader->path;
    empty(path);
    text_add(path, word, strlen(word));
    look->program = path->failed ? NULL : path->chars + (name - word);
}

static void see_argument(struct look *look, const char *word)
{
    static const char config[] = "--config=";
    if (look->names_config)
        look->is_ours = config_is_ours(look, word);
    look->names_config = strcmp(word, "--config") == 0;
    if (strncmp(word, config, sizeof config - 1) == 0)
        look->is_ours = config_is_ours(look, word + sizeof config - 1);
    bool is_taskctl = strcmp(look->program, "taskctl") == 0;
    if (strcmp(word, is_taskctl ? "catch-up" : "--cron") == 0)
        look->is_run = true;
}

/* A word in front of the program may be in our folder, too: a lock. */
static void see_word(struct look *look, const char *word)
{
    look->words++;
    if (look->found)
        return;
    if (look->program != NULL &&
        (look->known || look->is_run || look->names_config || *word == '-'))
        see_argument(look, word);
    else
        see_first_words(look, word);
}

static void begin_command(struct look *look)
{
    look->words = 0;
    if (look->found)
        return;
    look->program = NULL;
    look->known = look->is_run = look->names_config = look->has_settings = false;
    look->is_ours = config_is_ours(look, crontab_config(look->reader));
}

static void end_command(struct look *look)
{
    look->commands += look->words > 0;
    look->found = look->found || (look->program != NULL && look->is_run && look->is_ours);
}

/* Take one character of a word, or a quoted part of it, to *to. */
static char *take_part(char *at, char **to)
{
    char quote = *at;
    if (quote == '\\' && at[1] != '\0') {
        *(*to)++ = at[1];
        return at + 2;
    }
    if (quote != '\'' && quote != '"') {
        *(*to)++ = *at;
        return at + 1;
    }
    for (at++; *at != '\0' && *at != quote; at++) {
        if (quote == '"' && *at == '\\' && at[1] != '\0' && strchr("\\\"$`", at[1]) != NULL)
            at++;
        *(*to)++ = *at;
    }
    return at + (*at != '\0');
}

/* Take the next word or operator of the shell; the text is changed there. */
static char *take_token(char *at, struct look *look)
{
    if (strchr(";&|()", *at) != NULL) {
        end_command(look);
        begin_command(look);
        return at + 1;
    }
    if (*at == '<' || *at == '>')
        return at + 1 + strspn(at + 1, "<>&|");
    char *word = at, *to = at;
    while (*at != '\0' && strchr(" \t;&|()<>", *at) == NULL)
        at = take_part(at, &to);
    char behind = *at; /* the end of the word may come to stand on it */
    *to = '\0';
    see_word(look, word);
    *at = behind;
    return at;
}

/* Look through the words of reader->command for a run of ours. */
static void look_through(struct crontab_reader *reader, struct crontab_line *line)
{
    struct look look = { .reader = reader };
    begin_command(&look);
    char *at = reader->command.chars + strspn(reader->command.chars, blanks);
    while (*at != '\0' && *at != '#') {
        at = take_token(at, &look);
        at += strspn(at, blanks);
    }
    end_command(&look);
    if (!look.found)
        return;
    line->kind = CRONTAB_RUN;
    line->schedule = reader->schedule.chars;
    line->path = reader->path.chars;
    line->program = look.program;
    line->known = look.known;
    if (look.commands > 1)
        line->more = "together with other commands";
    else if (look.has_settings)
        line->more = "with settings of its own";
}

/* --- lines ------------------------------------------------------------------------------------ */

void crontab_reader_open(struct crontab_reader *reader, const struct crontab_ours *ours,
                         const struct crontab_source *source)
{
    *reader = (struct crontab_reader){ .ours = ours, .source = source };
}

void crontab_reader_close(struct crontab_reader *reader)
{
    text_free(&reader->config);
    text_free(&reader->schedule);
    text_free(&reader->command);
    text_free(&reader->path);
}

const char *crontab_config(const struct crontab_reader *reader)
{
    return text_or(reader->config.chars, config_usual_path);
}

static void read_entry(struct crontab_reader *reader, struct crontab_line *line,
                       struct span content)
{
    if (take_config(reader, content) || !take_schedule(reader, &content))
        return;
    take_command(&reader->command, content);
    if (!reader->schedule.failed && !reader->command.failed)
        look_through(reader, line);
}

bool crontab_next(struct crontab_reader *reader, struct crontab_line *line, struct error *err)
{
    size_t left = reader->source->length - reader->at;
    if (left == 0)
        return reader->in_block &&
               error_set(err, ERR_CONFIG,
                         "%s line %zu begins a block that does not end: put \"%s\" behind it",
                         reader->source->name, reader->block_number, crontab_end);
    const char *from = reader->source->text + reader->at;
    const char *end = memchr(from, '\n', left);
    size_t content = end == NULL ? left : (size_t)(end - from);
    *line = (struct crontab_line){ .from = from,
                                   .length = content + (end != NULL),
                                   .number = ++reader->number };
    reader->at += line->length;
    if (!follow_block(reader, line, (struct span){ from, from + content }, err))
        return false;
    if (line->kind == CRONTAB_THEIRS && (line->inside ? !reader->overwrites : !reader->in_block))
        read_entry(reader, line, (struct span){ from, from + content });
    return !(reader->config.failed || reader->schedule.failed || reader->command.failed ||
             reader->path.failed) ||
           error_memory(err);
}
