#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "value.h"

static void a_number_is_digits_within_its_range(void **state)
{
    (void)state;
    long number = -1;
    assert_true(number_parse("0", 0, 5, &number));
    assert_int_equal(number, 0);
    assert_true(number_parse("0005", 0, 5, &number));
    assert_int_equal(number, 5);
    assert_true(number_parse("9223372036854775807", 0, LONG_MAX, &number));
    assert_int_equal(number, LONG_MAX);
}

static void anything_else_is_no_number_and_leaves_the_result_alone(void **state)
{
    (void)state;
    static const char *const wrong[] = { "",    " 1", "1 ", "+1",  "-1", "1.0",
                                         "1e3", "x",  "0",  "0x1", "11", "9223372036854775808" };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        long number = 77;
        assert_false(number_parse(wrong[i], 1, 10, &number));
        assert_int_equal(number, 77);
    }
    long number = 77;
    assert_false(number_parse("9223372036854775808", 0, LONG_MAX, &number));
    assert_false(number_parse("99999999999999999999999", 0, LONG_MAX, &number));
}

static void a_duration_has_a_unit_or_is_in_seconds(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        long ms;
    } good[] = {
        { "0s", 0 },         { "30s", 30000 }, { "5m", 300000 },        { "2h", 7200000 },
        { "3d", 259200000 }, { "90", 90000 },  { "366d", 31622400000 }, { "31622400", 31622400000 },
        { "0", 0 },
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        long ms = -1;
        assert_true(duration_parse(good[i].text, &ms));
        assert_int_equal(ms, good[i].ms);
    }
}

static void anything_else_is_no_duration(void **state)
{
    (void)state;
    static const char *const wrong[] = { "",     "s",     "5 m",      "5M",
                                         "5ms",  "-5s",   "+5s",      "1.5h",
                                         "1w",   "5m ",   " 5m",      "1h30m",
                                         "367d", "8785h", "31622401", "99999999999999999999d" };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        long ms = 77;
        assert_false(duration_parse(wrong[i], &ms));
        assert_int_equal(ms, 77);
    }
}

static void a_time_has_seconds_and_a_zone(void **state)
{
    (void)state;
    static const char *const good[] = {
        "2026-01-02T03:04:05+08:00", "2026-01-02T03:04:05Z",
        "2024-02-29T23:59:59-14:00", "2000-02-29T00:00:00Z",
        "2026-12-31T00:00:00.5Z",    "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59Z",      "2026-01-02T03:04:05.123456+05:45",
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(time_valid(good[i]));
}

static void a_time_that_does_not_exist_or_is_incomplete_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "now",
        "2026-01-02",
        "2026-01-02T03:04Z",
        "2026-01-02T03:04:05",
        "2026-01-02 03:04:05Z",
        "2026-01-02T03:04:05z",
        "2026-01-02T03:04:05+8",
        "2026-01-02T03:04:05+0800",
        "2026-01-02T03:04:05+08:00 ",
        "2026-01-02T03:04:05+08:60",
        "2026-01-02T03:04:05+14:01",
        "2026-01-02T03:04:05Zulu",
        "2026-01-02T03:04:05.Z",
        "2026-01-02T03:04:05.1234567Z",
        "2026-01-02T24:00:00Z",
        "2026-01-02T03:60:05Z",
        "2026-01-02T03:04:60Z",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-01-00T00:00:00Z",
        "2026-04-31T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "+2026-01-02T03:04:05Z",
        "2026-1-2T3:4:5Z",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (time_valid(wrong[i]))
            fail_msg("\"%s\" was taken for a time", wrong[i]);
}

static void an_id_has_hexadecimal_digits_in_five_groups(void **state)
{
    (void)state;
    assert_true(uuid_valid("3f0c7e9a-1b2c-4d5e-8f90-a1b2c3d4e5f6"));
    assert_true(uuid_valid("3F0C7E9A-1B2C-4D5E-8F90-A1B2C3D4E5F6"));
    static const char *const wrong[] = {
        "",
        "3f0c7e9a",
        "3f0c7e9a-1b2c-4d5e-8f90-a1b2c3d4e5f",
        "3f0c7e9a-1b2c-4d5e-8f90-a1b2c3d4e5f6a",
        "3f0c7e9a-1b2c-4d5e-8f90-a1b2c3d4e5g6",
        "3f0c7e9a1b2c-4d5e-8f90--a1b2c3d4e5f6",
        "3f0c7e9a-1b2c-4d5e-8f90-a1b2c3d4e5 6",
        "{3f0c7e9a-1b2c-4d5e-8f90-a1b2c3d4e5}",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        if (uuid_valid(wrong[i]))
            fail_msg("\"%s\" is taken for an id", wrong[i]);
}

static void a_zone_is_a_name_in_the_zone_database(void **state)
{
    (void)state;
    assert_true(zone_known("Asia/Taipei"));
    assert_true(zone_known("UTC"));
    assert_true(zone_known("Etc/GMT+8"));
}

static void a_zone_never_leads_out_of_the_database_nor_to_its_other_files(void **state)
{
    (void)state;
    static const char *const wrong[] = { "",
                                         "Asia",
                                         "Asia/Nowhere",
                                         "/etc/localtime",
                                         "../zoneinfo/UTC",
                                         "Asia/../UTC",
                                         "zone.tab",
                                         "UTC\n",
                                         "Asia/Taipei ",
                                         "$(id)",
                                         "/UTC",
                                         "leapseconds" };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (zone_known(wrong[i]))
            fail_msg("\"%s\" was taken for a zone", wrong[i]);
    char longest[4096];
    memset(longest, 'A', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    assert_false(zone_known(longest));
}

static void an_address_has_one_at_sign_and_nothing_that_could_end_it(void **state)
{
    (void)state;
    static const char *const wrong[] = { "",      "a",       "@",         "a@",      "@b",
                                         "a@b@c", "a b@c.d", "a@b.c\n",   "<a@b.c>", "a@b.c,d@e.f",
                                         "a@b;c", "a@[::1]", "\"a\"@b.c", "a\\b@c.d" };
    assert_true(address_plausible("no-reply@localhost"));
    assert_true(address_plausible("a.b+c@example.com"));
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (address_plausible(wrong[i]))
            fail_msg("\"%s\" was taken for an address", wrong[i]);
    char address[256];
    memset(address, 'a', sizeof address);
    address[1] = '@';
    address[254] = '\0';
    assert_true(address_plausible(address));
    address[254] = 'a';
    address[255] = '\0';
    assert_false(address_plausible(address));
}

static void a_mailbox_is_split_into_name_and_address(void **state)
{
    (void)state;
    static const struct {
        const char *mailbox, *name, *address;
    } good[] = {
        { "Tickeasy <no-reply@localhost>", "Tickeasy", "no-reply@localhost" },
        { "  Tick  Easy  < a@b.c >  ", "Tick  Easy", "a@b.c" },
        { "\"Tick, \\\"E\\\"\" <a@b.c>", "Tick, \"E\"", "a@b.c" },
        { "票券 <a@b.c>", "票券", "a@b.c" },
        { "<a@b.c>", "", "a@b.c" },
        { "a@b.c", "", "a@b.c" },
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        char name[32];
        char address[32];
        assert_true(mailbox_split(good[i].mailbox, name, sizeof name, address, sizeof address));
        assert_string_equal(name, good[i].name);
        assert_string_equal(address, good[i].address);
    }
}

static void a_mailbox_with_anything_left_over_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "   ",
        "Tickeasy",
        "Tickeasy <>",
        "<a@b.c",
        "a@b.c>",
        "A <a@b.c> x",
        "A <x> <a@b.c>",
        "\"A <a@b.c>",
        "\"A\"B <a@b.c>",
        "A\"B <a@b.c>",
        "A a@b.c",
        "A <a@b.c, d@e.f>",
        "\"",
        "\"\\ <a@b.c>",
        ">",
        "<",
        "<>",
        "> <",
    };
    char name[32];
    char address[32];
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (mailbox_split(wrong[i], name, sizeof name, address, sizeof address))
            fail_msg("\"%s\" was taken for a mailbox", wrong[i]);
}

static void a_mailbox_that_does_not_fit_is_refused(void **state)
{
    (void)state;
    char name[4];
    char address[6];
    assert_true(mailbox_split("abc <a@b.c>", name, sizeof name, address, sizeof address));
    assert_false(mailbox_split("abcd <a@b.c>", name, sizeof name, address, sizeof address));
    assert_false(mailbox_split("abc <a@b.cd>", name, sizeof name, address, sizeof address));
}

static void a_link_is_https_or_mailto(void **state)
{
    (void)state;
    static const char *const good[] = {
        "https://tickeasy.example",
        "https://tickeasy.example:8443/u/{{recipient}}",
        "https://[::1]/u?to={{recipient}}&x=%E7%A5%A8#top",
        "https://tickeasy.example?to={{recipient}}",
        "mailto:leave@tickeasy.example",
        "mailto:leave@tickeasy.example?subject=leave%20{{recipient}}",
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        if (!link_valid(good[i]))
            fail_msg("%s", good[i]);
}

static void what_would_spoil_a_header_or_a_link_is_no_link(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "http://tickeasy.example/",
        "HTTPS://tickeasy.example/",
        "javascript:alert(1)",
        "https://",
        "https:///u",
        "https://:443/",
        "https://user@tickeasy.example/",
        "https://{{recipient}}/",
        "https://tickeasy.example{{recipient}}",
        "https://a.tw/{{recipient}}{{recipient}}",
        "https://a.tw/{{user}}",
        "https://a.tw/{{recipient",
        "https://a.tw/ b",
        "https://a.tw/>,<b",
        "https://a.tw/\"",
        "https://a.tw/\r\nBcc:",
        "https://a.tw/?a=?utf-8?q?b?=",
        "https://a.tw/%",
        "https://a.tw/%4",
        "https://a.tw/%zz",
        "https://票.tw/",
        "https://a.tw/票",
        "mailto:",
        "mailto:leave",
        "mailto:a@b.tw,c@d.tw",
        "mailto:{{recipient}}",
        "mailto:{{recipient}}@a.tw",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (link_valid(bad[i]))
            fail_msg("%s", bad[i]);
    char large[502] = "https://a.tw/";
    for (size_t length = strlen(large); length < 500; length++)
        large[length] = 'x';
    assert_true(link_valid(large));
    large[500] = 'x';
    assert_false(link_valid(large));
}

static void a_base_url_is_a_front_that_paths_go_behind(void **state)
{
    (void)state;
    static const char *const good[] = { "https://project.supabase.co", "http://localhost:5000",
                                        "http://127.0.0.1:8000/storage/v1", "https://[::1]:8/a/",
                                        "https://api.example/" };
    static const char *const bad[] = { "",
                                       "project.supabase.co",
                                       "ftp://host/",
                                       "https://",
                                       "https:///path",
                                       "https://:443/",
                                       "https://user:secret@host/",
                                       "https://host?x=1",
                                       "https://host#top",
                                       "https://host/a b",
                                       "https://host\r\nx: y",
                                       "https://ho%73t/",
                                       "x://https://host" };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        if (!base_url_valid(good[i]))
            fail_msg("%s", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (base_url_valid(bad[i]))
            fail_msg("%s", bad[i]);
}

static void names_have_commas_between_them(void **state)
{
    (void)state;
    static const char *const good[] = { "a", "avatar,venue,concert", "users.website_url",
                                        "with blank,..a", "票券" };
    static const char *const bad[] = { "",     ",",   "a,",   ",a", "a,,b", "a, b",
                                       "a ,b", "a/b", "a\nb", "..", "a,.",  "a,b,a" };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        if (!names_valid(good[i]))
            fail_msg("%s", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (names_valid(bad[i]))
            fail_msg("%s", bad[i]);
    char large[NAME_BYTES + 1];
    memset(large, 'x', sizeof large);
    large[NAME_BYTES] = '\0';
    assert_false(names_valid(large));
    assert_true(names_valid(large + 1));

    char name[NAME_BYTES];
    const char *rest = "avatar,venue";
    assert_true(names_next(&rest, name));
    assert_string_equal(name, "avatar");
    assert_true(names_next(&rest, name));
    assert_string_equal(name, "venue");
    assert_false(names_next(&rest, name));
}

static void origins_are_as_browsers_say_them(void **state)
{
    (void)state;
    assert_true(origins_valid("https://admin.example.com"));
    assert_true(origins_valid("https://1.2.3.4:65535"));
    assert_true(origins_valid(
        "https://a.tw,http://localhost:5173,http://[::1]:8080,https://a:80,http://b-c.d:443"));
    const char *const bad[] = { "",
                                "*",
                                "admin.example.com",
                                "https://",
                                "https://a/",
                                "https://A.tw",
                                "https://a,",
                                ",https://a",
                                "https://a,,https://b",
                                "https://a b",
                                "ftp://a",
                                "https://:80",
                                "https://a%20",
                                "https://u@a",
                                "null",
                                "https://*.a.tw",
                                "https://a?b",
                                "https://a#b",
                                "https://a\r\nX: y",
                                "https://\xe7\xa5\xa8.tw",
                                "HTTPS://a.tw",
                                "https://a,null",
                                "https://a:b",
                                "https://a:",
                                "https://a:1:2",
                                "https://[::1",
                                "https://a]",
                                "https://a:99999999999",
                                "https://a:65536",
                                "https://a:0",
                                "https://a:08",
                                "https://a:443",
                                "http://a:80",
                                "https://[]",
                                "https://[::1]x",
                                "https://[::1]:" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (origins_valid(bad[i]))
            fail_msg("\"%s\" was taken for origins", bad[i]);
}

static void origins_have_1000_bytes_at_most(void **state)
{
    (void)state;
    char origins[1002] = "https://";
    memset(origins + 8, 'a', sizeof origins - 9);
    origins[1001] = '\0';
    assert_false(origins_valid(origins));
    origins[1000] = '\0';
    assert_true(origins_valid(origins));
}

static void an_origin_is_held_when_it_is_one_of_them_in_full(void **state)
{
    (void)state;
    static const char both[] = "https://a.tw,http://localhost:5173";
    assert_true(origins_hold(both, "https://a.tw"));
    assert_true(origins_hold(both, "http://localhost:5173"));
    static const char *const others[] = { "",
                                          "null",
                                          "https://a.t",
                                          "https://a.tw:443",
                                          "https://a.tw,",
                                          "http://a.tw",
                                          "HTTPS://a.tw",
                                          "https://A.tw",
                                          "https://b.a.tw",
                                          "https://a.tw.evil.example",
                                          "http://localhost:517",
                                          "http://localhost:51730",
                                          "https://a.tw,http://localhost:5173" };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (origins_hold(both, others[i]))
            fail_msg("\"%s\" is held", others[i]);
}

static void without_origins_none_is_held(void **state)
{
    (void)state;
    assert_false(origins_hold("", ""));
    assert_false(origins_hold("", "null"));
    assert_false(origins_hold("", "https://a.tw"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_number_is_digits_within_its_range),
        cmocka_unit_test(anything_else_is_no_number_and_leaves_the_result_alone),
        cmocka_unit_test(a_duration_has_a_unit_or_is_in_seconds),
        cmocka_unit_test(anything_else_is_no_duration),
        cmocka_unit_test(a_time_has_seconds_and_a_zone),
        cmocka_unit_test(a_time_that_does_not_exist_or_is_incomplete_is_refused),
        cmocka_unit_test(an_id_has_hexadecimal_digits_in_five_groups),
        cmocka_unit_test(a_zone_is_a_name_in_the_zone_database),
        cmocka_unit_test(a_zone_never_leads_out_of_the_database_nor_to_its_other_files),
        cmocka_unit_test(an_address_has_one_at_sign_and_nothing_that_could_end_it),
        cmocka_unit_test(a_mailbox_is_split_into_name_and_address),
        cmocka_unit_test(a_mailbox_with_anything_left_over_is_refused),
        cmocka_unit_test(a_mailbox_that_does_not_fit_is_refused),
        cmocka_unit_test(a_link_is_https_or_mailto),
        cmocka_unit_test(what_would_spoil_a_header_or_a_link_is_no_link),
        cmocka_unit_test(a_base_url_is_a_front_that_paths_go_behind),
        cmocka_unit_test(names_have_commas_between_them),
        cmocka_unit_test(origins_are_as_browsers_say_them),
        cmocka_unit_test(origins_have_1000_bytes_at_most),
        cmocka_unit_test(an_origin_is_held_when_it_is_one_of_them_in_full),
        cmocka_unit_test(without_origins_none_is_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
