#include "mailer.h"

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

static struct mail_server accepted(const char *url)
{
    struct mail_server server;
    struct error err = { 0 };
    if (!mailer_parse(&server, url, "", &err))
        fail_msg("%s: %s", url, err.text);
    return server;
}

/* Refused with a configuration error that holds the word, and without any piece of the secret. */
static void refused(const char *url, const char *word)
{
    struct mail_server server;
    struct error err = { 0 };
    if (mailer_parse(&server, url, "", &err))
        fail_msg("%s was accepted", url);
    assert_int_equal(err.kind, ERR_CONFIG);
    if (strstr(err.text, word) == NULL)
        fail_msg("%s: %s", url, err.text);
    assert_null(strstr(err.text, "secret"));
    assert_null(strstr(err.text, "word9"));
    assert_string_equal(server.password, "");
}

static void a_full_smtp_url_is_split_and_decoded(void **state)
{
    (void)state;
    struct mail_server server = accepted("smtp://ann%40x.org:p%2Fa%3Ass%25@mx.example.org:2525");
    assert_int_equal(server.kind, MAIL_SERVER_ESMTP);
    assert_string_equal(server.user, "ann@x.org");
    assert_string_equal(server.password, "p/a:ss%");
    assert_string_equal(server.host, "mx.example.org");
    assert_string_equal(server.port, "2525");
    assert_false(server.loopback);
    assert_string_equal(server.ca_file, "");
}

static void port_and_login_may_be_left_out(void **state)
{
    (void)state;
    struct mail_server server = accepted("SMTP://mx.example.org/");
    assert_string_equal(server.port, "587");
    assert_string_equal(server.user, "");
    assert_string_equal(server.password, "");
    assert_string_equal(accepted("smtp://ann@mx").user, "ann");
    assert_string_equal(accepted("smtp://mx:00025").port, "25");
    assert_string_equal(accepted("smtp://a@b:c@mx").user, "a@b");
}

static void only_a_literal_loopback_host_is_loopback(void **state)
{
    (void)state;
    assert_true(accepted("smtp://localhost").loopback);
    assert_true(accepted("smtp://LocalHost:25").loopback);
    assert_true(accepted("smtp://127.0.0.1").loopback);
    assert_true(accepted("smtp://127.9.8.7").loopback);
    assert_false(accepted("smtp://127.evil.example").loopback);
    assert_false(accepted("smtp://127.1").loopback);
    assert_false(accepted("smtp://localhost.example.org").loopback);
    assert_false(accepted("smtp://128.0.0.1").loopback);
}

static void a_maildir_is_an_absolute_path(void **state)
{
    (void)state;
    struct mail_server server = accepted("maildir:/var/mail%20box/a");
    assert_int_equal(server.kind, MAIL_SERVER_MAILDIR);
    assert_string_equal(server.path, "/var/mail box/a");
    assert_string_equal(accepted("maildir:///x").path, "///x");
    refused("maildir:", "absolute");
    refused("maildir:x", "absolute");
    refused("maildir://host/x", "absolute");
    refused("maildir:/x%00y", "control");
}

static void other_schemes_are_refused_with_advice(void **state)
{
    (void)state;
    refused("", "empty");
    refused("smtps:mx", "smtps://");
    refused("http://ann:secret@mx", "maildir:/");
    refused("ann:secret@mx", "maildir:/");
    refused("smtp:mx", "maildir:/");
}

static void tls_from_the_first_byte_is_for_libcurl(void **state)
{
    (void)state;
    struct mail_server server = accepted("SMTPS://ann:p%40ss@mx.example.org");
    assert_int_equal(server.kind, MAIL_SERVER_CURL);
    assert_true(server.tls);
    assert_false(server.xoauth2);
    assert_string_equal(server.port, "465");
    assert_string_equal(server.password, "p@ss");
    assert_string_equal(accepted("smtps://mx:2465/").port, "2465");
    assert_false(accepted("smtp://mx:465").tls);
}

static void options_choose_libcurl(void **state)
{
    (void)state;
    struct mail_server server = accepted("smtp://ann:token@mx?auth=xoauth2");
    assert_int_equal(server.kind, MAIL_SERVER_CURL);
    assert_true(server.xoauth2);
    assert_string_equal(server.password, "token");
    server = accepted("smtp://mx/?via=curl");
    assert_int_equal(server.kind, MAIL_SERVER_CURL);
    assert_false(server.xoauth2);
    assert_true(accepted("smtps://ann:token@mx:1?via=curl&auth=xoauth2").xoauth2);
    assert_int_equal(accepted("smtp://mx?").kind, MAIL_SERVER_ESMTP);
}

static void options_that_are_wrong_are_refused_with_the_known_ones(void **state)
{
    (void)state;
    refused("smtp://ann:secret@mx?via=libesmtp", "?auth=xoauth2 and ?via=curl are known");
    refused("smtp://ann:secret@mx?auth=secret", "?auth=xoauth2 and ?via=curl are known");
    refused("smtp://ann:secret@mx?via=curl&&auth=xoauth2", "unknown option");
    refused("smtp://ann:secret@mx?via=curl&via=curl", "via stands there twice");
    refused("smtp://ann:secret@mx?auth=xoauth2&auth=xoauth2", "auth stands there twice");
    refused("smtp://mx?auth=xoauth2", "needs a user");
    refused("smtp://ann@mx?auth=xoauth2", "access token");
    refused("smtp://mx/?/folder", "unknown option");
}

static void an_ipv6_address_in_brackets_is_for_libcurl(void **state)
{
    (void)state;
    struct mail_server server = accepted("smtp://[::1]:25");
    assert_int_equal(server.kind, MAIL_SERVER_CURL);
    assert_string_equal(server.host, "::1");
    assert_string_equal(server.port, "25");
    assert_true(server.loopback);
    server = accepted("smtp://ann:secret@[2001:DB8::1]");
    assert_string_equal(server.host, "2001:DB8::1");
    assert_string_equal(server.port, "587");
    assert_false(server.loopback);
    assert_true(accepted("smtp://[0:0:0:0:0:0:0:1]").loopback);
    assert_string_equal(accepted("smtps://[::1]/?via=curl").port, "465");
    refused("smtp://::1", "brackets");
    refused("smtp://ann:secret@::1", "brackets");
    refused("smtp://[mx]", "no IPv6 address");
    refused("smtp://[]", "no IPv6 address");
    refused("smtp://[fe80::1%25eth0]", "no IPv6 address");
    refused("smtp://[::1", "no ]");
    refused("smtp://[::1]25", "may follow");
    refused("smtp://[::1]:", "port");
}

static void a_bad_port_is_refused(void **state)
{
    (void)state;
    refused("smtp://mx:", "port");
    refused("smtp://mx:0", "port");
    refused("smtp://mx:65536", "port");
    refused("smtp://mx:99999999999999999999999", "port");
    refused("smtp://mx:+25", "port");
    refused("smtp://mx:25x", "port");
    assert_string_equal(accepted("smtp://mx:65535").port, "65535");
}

static void a_bad_host_is_refused(void **state)
{
    (void)state;
    refused("smtp://", "host is missing");
    refused("smtp://ann:secret@", "host is missing");
    refused("smtp://ann:secret@:25", "host is missing");
    refused("smtp://m x", "character");
    refused("smtp://mx%0d%0aQUIT", "control");
    refused("smtp://m\xc3\xbcller.example", "xn--");
    refused("smtp://-mx", "hyphen");
    refused("smtp://.mx", "dot");
}

/* A '/' in a password ends the host part of a URL: what follows must not come out in the error. */
static void an_unencoded_password_is_refused_and_not_repeated(void **state)
{
    (void)state;
    refused("smtp://ann:secret/word9@mx", "percent-encoded");
    refused("smtp://ann:secret#word9@mx:25", "percent-encoded");
    refused("smtp://ann:secret?word9@mx", "percent-encoded");
    refused("smtp://ann:secret%word9@mx", "%25");
    refused("smtp://ann:secret%4", "port");
    refused("smtp://ann:secret%4@mx", "%25");
    refused("smtp://ann:secret%0aword9@mx", "control");
    refused("smtp://ann:secret\nword9@mx", "control");
    refused("smtp://:secret@mx", "user");
    refused("smtp://@mx", "user");
    refused("smtp://mx/folder", "nothing may follow");
    refused("smtp://mx#?via=curl", "nothing may follow");
}

static char *long_url(size_t user, size_t password, size_t host, const char *options)
{
    char letters[4097], *url = NULL;
    memset(letters, 'x', sizeof letters);
    if (asprintf(&url, "smtp://%.*s:%.*s@%.*s%s", (int)user, letters, (int)password, letters,
                 (int)host, letters, options) < 0)
        fail_msg("out of memory");
    return url;
}

/* libesmtp's PLAIN copies user and password into 255 bytes each without looking. */
static void user_password_and_host_have_255_bytes_at_most_and_a_token_4095(void **state)
{
    (void)state;
    char *url = long_url(255, 255, 255, "");
    struct mail_server server = accepted(url);
    assert_int_equal(strlen(server.user), 255);
    assert_int_equal(strlen(server.password), 255);
    assert_int_equal(strlen(server.host), 255);
    free(url);
    url = long_url(256, 1, 1, "");
    refused(url, "the user is longer than 255 bytes");
    free(url);
    url = long_url(1, 256, 1, "");
    refused(url, "the password is longer than 255 bytes");
    free(url);
    url = long_url(1, 1, 256, "");
    refused(url, "the host is longer than 255 bytes");
    free(url);
    url = long_url(255, 4095, 255, "?auth=xoauth2");
    assert_int_equal(strlen(accepted(url).password), 4095);
    free(url);
    url = long_url(1, 4096, 1, "?auth=xoauth2");
    refused(url, "the password is longer than 4095 bytes");
    free(url);
}

/* --- maildir -----------------------------------------------------------------------------------
 */

struct box {
    char root[64];
    struct mail *mails;
    size_t count;
    size_t given;
    struct mail_answer answers[4];
    size_t answered;
};

static struct mail *next(void *context)
{
    struct box *box = context;
    return box->given == box->count ? NULL : &box->mails[box->given++];
}

static void answered(void *context, struct mail *mail, const struct mail_answer *answer)
{
    struct box *box = context;
    assert_ptr_equal(mail, &box->mails[box->answered]);
    box->answers[box->answered++] = *answer;
}

static bool deliver(struct box *box, struct mail *mails, size_t count, struct error *err)
{
    struct mail_feed feed = { .context = box, .next = next, .answered = answered };
    struct mail_server server = { .kind = MAIL_SERVER_MAILDIR };
    box->mails = mails;
    box->count = count;
    box->given = box->answered = 0;
    snprintf(server.path, sizeof server.path, "%s", box->root);
    return mailer_deliver(&server, &feed, 1000, NULL, err);
}

static int make_box(void **state)
{
    struct box *box = calloc(1, sizeof *box);
    if (box == NULL)
        return -1;
    snprintf(box->root, sizeof box->root, "/tmp/maildir-XXXXXX");
    *state = box;
    return mkdtemp(box->root) == NULL ? -1 : 0;
}

static int drop_box(void **state)
{
    struct box *box = *state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", box->root);
    int status = system(command); /* NOLINT(cert-env33-c): a path of our own */
    free(box);
    return status;
}

static void assert_file(const struct box *box, const char *name, const char *content)
{
    char path[512], found[256];
    snprintf(path, sizeof path, "%s/new/%s", box->root, name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t length = fread(found, 1, sizeof found - 1, file);
    fclose(file);
    found[length] = '\0';
    assert_string_equal(found, content);
}

static struct mail mail_of(const char *id, const char *text)
{
    return (struct mail){ .id = id, .text = text, .length = strlen(text) };
}

static void a_mail_is_stored_with_lf_line_ends(void **state)
{
    struct box *box = *state;
    struct error err = { 0 };
    struct mail mails[] = { mail_of("7", "A: b\r\n\r\nx\ry\r\r\nz\r"), mail_of("8", "") };
    assert_true(deliver(box, mails, 2, &err));
    assert_int_equal(box->answered, 2);
    assert_int_equal(box->answers[0].verdict, MAIL_SENT);
    assert_file(box, "7", "A: b\n\nx\ry\r\nz\r");
    assert_file(box, "8", "");
}

static void a_repeated_id_replaces_the_file_of_the_first(void **state)
{
    struct box *box = *state;
    struct error err = { 0 };
    struct mail mails[] = { mail_of("same", "one\r\n"), mail_of("same", "two\r\n") };
    assert_true(deliver(box, mails, 2, &err));
    assert_file(box, "same", "two\n");
}

static void different_ids_never_share_a_file(void **state)
{
    struct box *box = *state;
    struct error err = { 0 };
    struct mail mails[] = { mail_of("a/b", "1"), mail_of("a=2Fb", "2"), mail_of("../x", "3"),
                            mail_of("a:2,S", "4") };
    assert_true(deliver(box, mails, 4, &err));
    assert_file(box, "a=2Fb", "1");
    assert_file(box, "a=3D2Fb", "2");
    assert_file(box, "=2E=2E=2Fx", "3");
    assert_file(box, "a=3A2=2CS", "4");
}

static void an_id_that_cannot_be_a_file_name_stops_nobody_else(void **state)
{
    struct box *box = *state;
    struct error err = { 0 };
    char long_id[400];
    memset(long_id, 'x', sizeof long_id);
    long_id[sizeof long_id - 1] = '\0';
    struct mail mails[] = { mail_of("", "1"), mail_of(long_id, "2"), mail_of("3", "3") };
    assert_true(deliver(box, mails, 3, &err));
    assert_int_equal(box->answers[0].verdict, MAIL_REJECTED);
    assert_int_equal(box->answers[1].verdict, MAIL_REJECTED);
    assert_int_equal(box->answers[2].verdict, MAIL_SENT);
}

static void trouble_with_the_disk_ends_the_session_and_keeps_the_mails(void **state)
{
    struct box *box = *state;
    struct error err = { 0 };
    char path[128];
    struct mail mails[] = { mail_of("1", "1"), mail_of("2", "2") };
    /* A folder of that name stands in the way of the rename. */
    assert_true(deliver(box, mails, 0, &err));
    snprintf(path, sizeof path, "%s/new/1", box->root);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_false(deliver(box, mails, 2, &err));
    assert_int_equal(err.kind, ERR_UNAVAILABLE);
    assert_int_equal(box->given, 1);
    assert_int_equal(box->answered, 1);
    assert_int_equal(box->answers[0].verdict, MAIL_RETRY);
    snprintf(path, sizeof path, "%s/tmp", box->root);
    assert_int_equal(rmdir(path), 0); /* no draft was left */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_smtp_url_is_split_and_decoded),
        cmocka_unit_test(port_and_login_may_be_left_out),
        cmocka_unit_test(only_a_literal_loopback_host_is_loopback),
        cmocka_unit_test(a_maildir_is_an_absolute_path),
        cmocka_unit_test(other_schemes_are_refused_with_advice),
        cmocka_unit_test(tls_from_the_first_byte_is_for_libcurl),
        cmocka_unit_test(options_choose_libcurl),
        cmocka_unit_test(options_that_are_wrong_are_refused_with_the_known_ones),
        cmocka_unit_test(an_ipv6_address_in_brackets_is_for_libcurl),
        cmocka_unit_test(a_bad_port_is_refused),
        cmocka_unit_test(a_bad_host_is_refused),
        cmocka_unit_test(an_unencoded_password_is_refused_and_not_repeated),
        cmocka_unit_test(user_password_and_host_have_255_bytes_at_most_and_a_token_4095),
        cmocka_unit_test_setup_teardown(a_mail_is_stored_with_lf_line_ends, make_box, drop_box),
        cmocka_unit_test_setup_teardown(a_repeated_id_replaces_the_file_of_the_first, make_box,
                                        drop_box),
        cmocka_unit_test_setup_teardown(different_ids_never_share_a_file, make_box, drop_box),
        cmocka_unit_test_setup_teardown(an_id_that_cannot_be_a_file_name_stops_nobody_else,
                                        make_box, drop_box),
        cmocka_unit_test_setup_teardown(trouble_with_the_disk_ends_the_session_and_keeps_the_mails,
                                        make_box, drop_box),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
