#include "spool.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* The replay itself needs a database: tests/jobs/corridor.bats. */

struct place {
    char root[64];
    char state[80]; /* STATE_DIR, not there yet */
    char spool[96];
};

static int make_place(void **state)
{
    struct place *place = calloc(1, sizeof *place);
    if (place == NULL)
        return -1;
    snprintf(place->root, sizeof place->root, "%s", "/tmp/tickeasy-spool.XXXXXX");
    *state = place;
    if (mkdtemp(place->root) == NULL)
        return -1;
    snprintf(place->state, sizeof place->state, "%s/state", place->root);
    snprintf(place->spool, sizeof place->spool, "%s/spool", place->state);
    return 0;
}

static int remove_place(void **state)
{
    struct place *place = *state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", place->root);
    int code = system(command); // NOLINT(cert-env33-c,bugprone-command-processor): our own path
    free(place);
    return code;
}

static mode_t mode_of(const char *path)
{
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    return status.st_mode & 07777;
}

static const char *path_of(const struct place *place, const char *name, char path[256])
{
    snprintf(path, 256, "%s/%s", place->spool, name);
    return path;
}

static void put(const struct place *place, const char *name, const char *text)
{
    char path[256];
    mkdir(place->state, 0750);
    mkdir(place->spool, 0700);
    FILE *file = fopen(path_of(place, name, path), "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static int files_in(const char *folder)
{
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    int count = 0;
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL;)
        count += entry->d_name[0] != '.';
    closedir(dir);
    return count;
}

static void a_record_is_kept_whole_in_folders_that_others_cannot_read(void **state)
{
    const struct place *place = *state;
    struct error err = { 0 };
    char path[256];
    json_t *record = json_pack("{s:s, s:i}", "id", "一", "pid", 7);
    assert_true(spool_keep(place->state, "2026-01-02-a", record, &err));
    json_t *kept = json_load_file(path_of(place, "2026-01-02-a.json", path), 0, NULL);
    assert_true(json_equal(kept, record));
    assert_int_equal(mode_of(path), 0600);
    assert_int_equal(mode_of(place->spool), 0700);
    assert_int_equal(mode_of(place->state) & 07, 0);
    assert_int_equal(files_in(place->spool), 1);
    json_decref(kept);
    json_decref(record);
}

static void a_record_of_the_same_name_is_replaced(void **state)
{
    const struct place *place = *state;
    struct error err = { 0 };
    json_t *record = json_pack("{s:i}", "pid", 7);
    assert_true(spool_keep(place->state, "a", record, &err));
    assert_true(spool_keep(place->state, "a", record, &err));
    assert_int_equal(files_in(place->spool), 1);
    json_decref(record);
}

static void a_folder_that_cannot_be_made_is_named(void **state)
{
    const struct place *place = *state;
    struct error err = { 0 };
    FILE *file = fopen(place->state, "w"); /* in the folder's place */
    assert_non_null(file);
    fclose(file);
    json_t *record = json_object();
    assert_false(spool_keep(place->state, "a", record, &err));
    assert_int_equal(err.kind, ERR_UNAVAILABLE);
    assert_non_null(strstr(err.text, place->spool));
    json_decref(record);
}

static void a_draft_is_not_written_through_a_link(void **state)
{
    const struct place *place = *state;
    struct error err = { 0 };
    char path[256], target[128], draft[64];
    put(place, "other.json.bad", "");
    snprintf(draft, sizeof draft, "a.json.%d.tmp", (int)getpid());
    snprintf(target, sizeof target, "%s/target", place->root);
    assert_int_equal(symlink(target, path_of(place, draft, path)), 0);
    json_t *record = json_object();
    assert_false(spool_keep(place->state, "a", record, &err));
    assert_int_equal(access(target, F_OK), -1);
    json_decref(record);
}

static void replaying_without_a_spool_does_nothing(void **state)
{
    const struct place *place = *state;
    struct error err = { 0 };
    struct log log = { .fd = -1 };
    assert_int_equal(spool_replay(place->state, NULL, &log, &err), 0);
    assert_int_equal(err.kind, ERR_NONE);
}

static void files_that_are_no_records_are_set_aside_and_others_ignored(void **state)
{
    const struct place *place = *state;
    struct error err = { 0 };
    struct log log = { .fd = -1 };
    char path[256];
    put(place, "1.json", "{\"half\": ");
    put(place, "2.json", "[1, 2]");
    put(place, "3.json", "{\"a\": 1, \"a\": 2}");
    put(place, "4.json", "");
    put(place, "5.tmp", "{}");
    put(place, ".json", "{}");
    assert_int_equal(symlink("/etc/passwd", path_of(place, "6.json", path)), 0);
    assert_int_equal(mkfifo(path_of(place, "7.json", path), 0600), 0);
    assert_int_equal(spool_replay(place->state, NULL, &log, &err), 0);
    assert_int_equal(err.kind, ERR_NONE);
    for (int i = 1; i <= 7; i++) {
        char name[32];
        snprintf(name, sizeof name, i == 5 ? "%d.tmp" : "%d.json.bad", i);
        assert_int_equal(faccessat(AT_FDCWD, path_of(place, name, path), F_OK, AT_SYMLINK_NOFOLLOW),
                         0);
    }
}

static void a_file_that_is_too_large_is_set_aside(void **state)
{
    const struct place *place = *state;
    struct error err = { 0 };
    struct log log = { .fd = -1 };
    char path[256];
    char *text = malloc(300000);
    assert_non_null(text);
    memset(text, ' ', 300000);
    memcpy(text, "{}", 2);
    text[299999] = '\0';
    put(place, "1.json", text);
    free(text);
    assert_int_equal(spool_replay(place->state, NULL, &log, &err), 0);
    assert_int_equal(access(path_of(place, "1.json.bad", path), F_OK), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_place, remove_place)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_record_is_kept_whole_in_folders_that_others_cannot_read),
        TEST(a_record_of_the_same_name_is_replaced),
        TEST(a_folder_that_cannot_be_made_is_named),
        TEST(a_draft_is_not_written_through_a_link),
        TEST(replaying_without_a_spool_does_nothing),
        TEST(files_that_are_no_records_are_set_aside_and_others_ignored),
        TEST(a_file_that_is_too_large_is_set_aside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
