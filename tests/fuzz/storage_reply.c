/* Fuzz the reader of Supabase Storage's answers. The first byte chooses what is asked of the rest.
 * What is believed has the promised shape. */
#include "storage_reply.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "value.h"
#include "words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(bool true_here)
{
    if (!true_here)
        abort();
}

static void check_error(const struct error *err, bool good)
{
    need(good == (err->kind == ERR_NONE));
    need(good || err->kind == ERR_UNAVAILABLE);
}

static void check_entry(const struct storage_entry *entry, bool flat)
{
    const struct storage_object *object = &entry->object;
    need(object->path != NULL && !(flat && entry->is_folder));
    need(entry->unfit || strlen(object->path) <= STORAGE_PATH_BYTES);
    need(entry->unfit || !flat || object->path[0] != '\0');
    if (entry->is_folder)
        return;
    need(object->version == entry->version && object->version[0] != '\0' && object->bytes >= -1);
    need(utf8_trouble(entry->version, strlen(entry->version), false) == NULL);
    need(object->created_at == NULL || time_valid(object->created_at));
    need(object->updated_at == NULL || time_valid(object->updated_at));
}

static void read_page(const char *said, size_t length, bool flat)
{
    struct storage_page page;
    struct storage_entry entry;
    struct error err = { 0 };
    bool good = flat ? storage_page_flat(&page, said, length, &err)
                     : storage_page_folder(&page, said, length, &err);
    check_error(&err, good);
    if (good && page.cursor != NULL)
        need(page.cursor[0] != '\0' && page.count > 0);
    need(!good || storage_page_sound(&page, false) <= page.count);
    for (size_t i = 0; good && i < page.count; i++) {
        good = storage_page_entry(&page, i, &entry, &err);
        check_error(&err, good);
        if (good)
            check_entry(&entry, flat);
    }
    storage_page_free(&page);
}

static void read_refusal(const char *said, size_t length)
{
    static const int statuses[] = { 200, 302, 400, 401, 404, 500 };
    char words[64];
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        storage_verdict(statuses[i], said, length, words, sizeof words);
        need(strnlen(words, sizeof words) < sizeof words && strpbrk(words, "\r\n\x1b") == NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error err = { 0 };
    if (size == 0)
        return 0;
    const char *said = (const char *)data + 1;
    if (data[0] == 'f') {
        read_page(said, size - 1, true);
    } else if (data[0] == 'd') {
        read_page(said, size - 1, false);
    } else if (data[0] == 'x') {
        json_t *deleted = storage_deleted(said, size - 1, &err);
        check_error(&err, deleted != NULL);
        json_decref(deleted);
    } else if (data[0] == 's') {
        json_t *missing = json_object();
        check_error(&err, storage_unsigned(missing, 1, said, size - 1, &err));
        need(json_object_size(missing) <= 1);
        json_decref(missing);
    } else if (data[0] == 'b') {
        check_error(&err, storage_is_bucket(said, size - 1, "b", &err));
    } else {
        read_refusal(said, size - 1);
    }
    return 0;
}
