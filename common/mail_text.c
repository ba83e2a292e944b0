#include "mail_text.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "config_file.h"
#include "embed.h"
#include "json_read.h"
#include "template.h"
#include "text.h"
#include "words.h"

enum {
    FILE_MAX_BYTES = 256 * 1024, /* mail programs show no more than about 100 KB of a mail */
    PATH_MAX_BYTES = 512,
    NAME_MAX_BYTES = 64,
    NAMES_MAX = 192, /* languages, kinds, or files of a language: far more than there will be */
    SHOWN_BYTES = 200,
};

static const char built_in[] = "jobs/templates";

/* The parts of a mail, in the order of struct mail_text. */
enum { SUBJECT, TEXT, HTML, PARTS };
static const char *const part_names[PARTS] = { "subject", "txt", "html" };

/* Mails that nobody needs; the others tell a customer about an order of their own, or us. */
static const char *const declinable[] = { "concert-reminder", NULL };

/* --- one template ----------------------------------------------------------------------------- */

/* A template and where it stands, for errors; text is NULL when there is none. */
struct part {
    char path[PATH_MAX_BYTES];
    const char *text;
    struct config_file file; /* what text points into, unless it is built in */
};

static bool put_path(struct part *part, const char *folder, const char *lang, const char *kind,
                     int number, struct error *err)
{
    int length = snprintf(part->path, sizeof part->path, "%s/%s/%s.%s", folder, lang, kind,
                          part_names[number]);
    return (length > 0 && (size_t)length < sizeof part->path) ||
           error_set(err, ERR_CONFIG, "path of a mail template is over %d bytes: %s/%s/…",
                     PATH_MAX_BYTES - 1, folder, lang);
}

/* A byte order mark or a control character would stand in the mail, a NUL would end it. */
static bool check_bytes(const char *path, const char *text, size_t length, struct error *err)
{
    if (length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        return error_set(err, ERR_CONFIG, "%s:1: a byte order mark; save the file without one",
                         path);
    for (size_t at = 0, line = 1; at < length; line++) {
        const char *end = memchr(text + at, '\n', length - at);
        size_t width = end == NULL ? length - at : (size_t)(end - (text + at));
        size_t shown = width > 0 && text[at + width - 1] == '\r' ? width - 1 : width;
        const char *trouble = utf8_trouble(text + at, shown, true);
        if (trouble != NULL)
            return error_set(err, ERR_CONFIG, "%s:%zu: the line %s", path, line, trouble);
        at += width + 1;
    }
    return true;
}

/* Read part from its path; one that is not there is no error. */
static bool read_part(struct part *part, struct error *err)
{
    struct stat facts;
    if (lstat(part->path, &facts) != 0 && errno == ENOENT)
        return true;
    if (!config_file_read(&part->file, part->path, FILE_MAX_BYTES, err))
        return false;
    part->text = part->file.text;
    return check_bytes(part->path, part->text, part->file.length, err);
}

/* --- the templates of a mail ------------------------------------------------------------------ */

struct templates {
    struct part parts[PARTS];
    bool own; /* of the operator's folder */
};

static void templates_free(struct templates *templates)
{
    for (int i = 0; i < PARTS; i++)
        config_file_free(&templates->parts[i].file);
}

static bool load_own(struct templates *templates, const char *kind, const char *lang,
                     const char *folder, struct error *err)
{
    struct stat facts;
    if (stat(folder, &facts) != 0 || !S_ISDIR(facts.st_mode))
        return error_set(err, ERR_CONFIG, "MAIL_TEMPLATES=%s is not a folder that can be read",
                         folder);
    for (int i = 0; i < PARTS; i++) {
        struct part *part = &templates->parts[i];
        if (!put_path(part, folder, lang, kind, i, err) || !read_part(part, err))
            return false;
        templates->own = templates->own || part->text != NULL;
    }
    return true;
}

static bool load_built_in(struct templates *templates, const char *kind, const char *lang,
                          struct error *err)
{
    for (int i = 0; i < PARTS; i++) {
        struct part *part = &templates->parts[i];
        if (!put_path(part, built_in, lang, kind, i, err))
            return false;
        part->text = embedded_text(part->path);
        if (part->text == NULL && i != HTML)
            return error_set(err, ERR_CONFIG, "this version has no mail template %s", part->path);
    }
    return true;
}

/* The templates of a mail, the operator's or ours; the caller frees them, also after a failure.
 * Ours are looked up first: kind and lang come from a row, and only what is known may become a
 * path. */
static bool load(struct templates *templates, const char *kind, const char *lang,
                 const char *folder, struct error *err)
{
    struct templates ours = { 0 };
    *templates = (struct templates){ 0 };
    if (!load_built_in(&ours, kind, lang, err))
        return false;
    if (*folder != '\0' && !load_own(templates, kind, lang, folder, err))
        return false;
    if (!templates->own)
        *templates = ours;
    for (int i = 0; i < HTML; i++)
        if (templates->parts[i].text == NULL)
            return error_set(err, ERR_CONFIG,
                             "%s is missing: the folder has another part of this mail, "
                             "so it must have this one",
                             templates->parts[i].path);
    return true;
}

static bool render(struct mail_text *text, const struct templates *templates, const json_t *data,
                   struct error *err)
{
    char **const results[PARTS] = { &text->subject, &text->text, &text->html };
    for (int i = 0; i < PARTS; i++) {
        const struct part *part = &templates->parts[i];
        if (part->text == NULL)
            continue;
        *results[i] = template_render(part->path, part->text, data,
                                      i == HTML ? TEMPLATE_HTML : TEMPLATE_PLAIN, err);
        if (*results[i] == NULL) {
            mail_text_free(text);
            return false;
        }
    }
    size_t length = text->subject == NULL ? 0 : strlen(text->subject); /* it is: load saw to it */
    while (length > 0 && strchr("\r\n", text->subject[length - 1]) != NULL)
        text->subject[--length] = '\0';
    return true;
}

bool mail_text_render(struct mail_text *text, const char *kind, const char *lang,
                      const json_t *data, const char *folder, struct error *err)
{
    struct templates templates;
    *text = (struct mail_text){ 0 };
    bool rendered =
        load(&templates, kind, lang, folder, err) && render(text, &templates, data, err);
    templates_free(&templates);
    return rendered;
}

void mail_text_free(struct mail_text *text)
{
    free(text->subject);
    free(text->text);
    free(text->html);
    *text = (struct mail_text){ 0 };
}

/* --- what this version knows ------------------------------------------------------------------ */

struct names {
    char list[NAMES_MAX][NAME_MAX_BYTES];
    const char *pointers[NAMES_MAX + 1]; /* into list, NULL-terminated */
    int count;
};

static bool knows(const struct names *names, const char *name)
{
    for (int i = 0; i < names->count; i++)
        if (strcmp(names->list[i], name) == 0)
            return true;
    return false;
}

static void add_name(struct names *names, const char *name, size_t length)
{
    char copy[NAME_MAX_BYTES];
    if (length >= sizeof copy || names->count == NAMES_MAX)
        return;
    memcpy(copy, name, length);
    copy[length] = '\0';
    if (knows(names, copy))
        return;
    memcpy(names->list[names->count], copy, length + 1);
    names->pointers[names->count] = names->list[names->count];
    names->count++;
}

struct known {
    struct names langs;
    struct names kinds;
};

/* From the paths of what is built in: jobs/templates/<lang>/<kind>.<part>. */
static void find_known(struct known *known)
{
    *known = (struct known){ 0 };
    for (size_t i = 0; i < embedded_count; i++) {
        const char *path = embedded_files[i].path;
        if (strncmp(path, built_in, sizeof built_in - 1) != 0 || path[sizeof built_in - 1] != '/')
            continue;
        const char *lang = path + sizeof built_in;
        const char *kind = strchr(lang, '/');
        if (kind == NULL)
            continue;
        add_name(&known->langs, lang, (size_t)(kind - lang));
        kind++;
        add_name(&known->kinds, kind, strcspn(kind, "."));
    }
}

/* --- checking the templates ------------------------------------------------------------------- */

static json_t *load_samples(const char *kind, struct error *err)
{
    char path[PATH_MAX_BYTES];
    snprintf(path, sizeof path, "%s/%s.json", built_in, kind);
    const char *text = embedded_text(path);
    struct error why = { 0 };
    json_t *samples = text == NULL ? NULL : json_read(text, strlen(text), 0, &why);
    if (json_array_size(samples) > 0)
        return samples;
    json_decref(samples);
    if (why.kind == ERR_NONE)
        error_set(&why, ERR_INTERNAL, "this version has no sample data %s", path);
    error_keep(err, &why);
    return NULL;
}

/* One line: a reader of the file would not expect the second one in the subject. */
static bool check_subject(const struct part *part, const char *rendered, struct error *err)
{
    const char *end = part->text == NULL ? NULL : strchr(part->text, '\n');
    if (end != NULL && end[1] != '\0')
        return error_set(err, ERR_CONFIG, "%s:2: a subject has one line only", part->path);
    rendered = text_or(rendered, "");
    return rendered[strspn(rendered, " \t")] != '\0' ||
           error_set(err, ERR_CONFIG, "%s:1: the subject is empty", part->path);
}

static bool is_blank(const char *text)
{
    return text == NULL || text[strspn(text, " \t\r\n")] == '\0';
}

/* A text may have nothing to say of one sample; one that has nothing to say of any is a slip. */
static bool check_rendering(const struct templates *templates, const json_t *samples,
                            struct error *err)
{
    bool good = true;
    bool blank = true;
    for (size_t i = 0; good && i < json_array_size(samples); i++) {
        struct mail_text text = { 0 };
        good = render(&text, templates, json_array_get(samples, i), err) &&
               check_subject(&templates->parts[SUBJECT], text.subject, err);
        blank = blank && is_blank(text.text);
        mail_text_free(&text);
    }
    if (good && blank)
        return error_set(err, ERR_CONFIG, "%s: the text is empty", templates->parts[TEXT].path);
    return good;
}

static bool check_mail(const char *kind, const char *lang, const char *folder,
                       const json_t *samples, struct error *err)
{
    struct templates templates;
    bool good = load(&templates, kind, lang, folder, err);
    for (int i = 0; good && i < PARTS; i++) {
        const struct part *part = &templates.parts[i];
        good = part->text == NULL || template_check(part->path, part->text, samples, err);
    }
    good = good && check_rendering(&templates, samples, err);
    templates_free(&templates);
    return good;
}

/* --- checking the folder ---------------------------------------------------------------------- */

/* What a folder's entry is not, with what may have been meant. */
static bool refuse_entry(const char *folder, const char *name, const char *is_not,
                         const char *const *names, struct error *err)
{
    char shown[SHOWN_BYTES];
    utf8_clean(shown, sizeof shown, name);
    const char *meant = nearest_name(name, names);
    if (meant == NULL)
        return error_set(err, ERR_CONFIG, "%s/%s: not %s", folder, shown, is_not);
    return error_set(err, ERR_CONFIG, "%s/%s: not %s (did you mean \"%s\"?)", folder, shown, is_not,
                     meant);
}

static bool check_entry(const char *folder, const char *name, const struct names *names,
                        const char *is_not, struct error *err)
{
    return *name == '.' || knows(names, name) ||
           refuse_entry(folder, name, is_not, names->pointers, err);
}

/* Every name in folder is one of names; .gitignore and its like are nobody's business. */
static bool check_entries(const char *folder, const struct names *names, const char *is_not,
                          struct error *err)
{
    DIR *entries = opendir(folder);
    if (entries == NULL)
        return error_set(err, ERR_CONFIG, "MAIL_TEMPLATES: %s cannot be read: %s", folder,
                         strerror(errno));
    bool good = true;
    const struct dirent *entry;
    // NOLINTNEXTLINE(concurrency-mt-unsafe): one thread
    while (good && (entry = readdir(entries)) != NULL)
        good = check_entry(folder, entry->d_name, names, is_not, err);
    closedir(entries);
    return good;
}

static void file_names(struct names *files, const struct names *kinds)
{
    *files = (struct names){ 0 };
    for (int i = 0; i < kinds->count; i++) {
        for (int part = 0; part < PARTS; part++) {
            char name[NAME_MAX_BYTES + 16];
            int length = snprintf(name, sizeof name, "%s.%s", kinds->list[i], part_names[part]);
            add_name(files, name, (size_t)length);
        }
    }
}

static bool check_folder(const char *folder, const struct known *known, struct error *err)
{
    struct names files;
    file_names(&files, &known->kinds);
    if (!check_entries(folder, &known->langs, "the folder of a language", err))
        return false;
    for (int i = 0; i < known->langs.count; i++) {
        char path[PATH_MAX_BYTES];
        struct stat facts;
        snprintf(path, sizeof path, "%s/%s", folder, known->langs.list[i]);
        if (stat(path, &facts) != 0 && errno == ENOENT)
            continue;
        if (!check_entries(path, &files, "a part of a mail", err))
            return false;
    }
    return true;
}

static bool check_all(const char *folder, const struct known *known, struct error *err)
{
    for (int i = 0; i < known->kinds.count; i++) {
        const char *kind = known->kinds.list[i];
        json_t *samples = load_samples(kind, err);
        bool good = samples != NULL;
        for (int lang = 0; good && lang < known->langs.count; lang++) {
            const char *name = known->langs.list[lang];
            good = check_mail(kind, name, "", samples, err) &&
                   (*folder == '\0' || check_mail(kind, name, folder, samples, err));
        }
        json_decref(samples);
        if (!good)
            return false;
    }
    return true;
}

bool mail_text_check(const char *folder, struct error *err)
{
    struct known known;
    struct error why = { 0 };
    find_known(&known);
    if ((*folder == '\0' || check_folder(folder, &known, &why)) && check_all(folder, &known, &why))
        return true;
    if (why.kind ==
        ERR_REJECTED) /* known data: what is too much now is the template's fault, too */
        why.kind = ERR_CONFIG;
    error_keep(err, &why);
    return false;
}

/* --- declining -------------------------------------------------------------------------------- */

static bool may_be_declined(const char *kind)
{
    for (const char *const *name = declinable; *name != NULL; name++)
        if (strcmp(*name, kind) == 0)
            return true;
    return false;
}

/* RFC 3986 2.3: all but the unreserved characters, so that no address ends the link or adds to it.
 */
static void add_percent(struct text *text, const char *value)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    for (const char *c = value; *c != '\0'; c++) {
        if (strchr(plain, *c) != NULL)
            text_add(text, c, 1);
        else
            text_printf(text, "%%%02X", (unsigned char)*c);
    }
}

bool mail_text_unsubscribe(char **link, const char *kind, const char *url, const char *recipient,
                           struct error *err)
{
    static const char placeholder[] = "{{recipient}}";
    *link = NULL;
    if (*url == '\0' || !may_be_declined(kind))
        return true;
    struct text text = { 0 };
    const char *place = strstr(url, placeholder);
    if (place == NULL) {
        text_add(&text, url, strlen(url));
    } else {
        text_add(&text, url, (size_t)(place - url));
        add_percent(&text, recipient);
        text_printf(&text, "%s", place + sizeof placeholder - 1);
    }
    if (text.failed) {
        text_free(&text);
        return error_memory(err);
    }
    *link = text.chars;
    return true;
}
