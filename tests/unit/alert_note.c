#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alert_note.h"
#include "embed.h"
#include "mail_text.h"

static const struct alert_teller teller = { .program = "health-check",
                                            .host = "jobs-1",
                                            .run = "r1",
                                            .zone = "Asia/Taipei",
                                            .now = 1700003600 };

static json_t *note(const char *event, const char *kind, const char *cause)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:f, s:f}", "event", event, "kind", kind, "cause", cause,
                     "summary", "no answer within 10 s", "firstSeen", 1700000000.0, "goodSince",
                     1700003400.0);
}

static json_t *data_of(json_t *notes, bool by_mail)
{
    struct error err = { 0 };
    json_t *data = alert_note_data(notes, &teller, by_mail, &err);
    assert_int_equal(err.kind, ERR_NONE);
    json_decref(notes);
    return data;
}

static char *rendered(json_t *notes, const char *lang, char *subject, size_t size)
{
    json_t *data = data_of(notes, true);
    struct mail_text text = { 0 };
    struct error err = { 0 };
    assert_true(mail_text_render(&text, "alert", lang, data, "", &err));
    snprintf(subject, size, "%s", text.subject);
    char *body = strdup(text.text);
    mail_text_free(&text);
    json_decref(data);
    return body;
}

static void an_outage_names_service_reason_and_beginning(void **state)
{
    (void)state;
    char subject[200];
    char *text = rendered(json_pack("[o]", note("opened", "service-down", "redis")), "en", subject,
                          sizeof subject);
    assert_non_null(strstr(subject, "DOWN: redis."));
    assert_non_null(strstr(text, "- redis: no answer within 10 s\n"));
    assert_non_null(strstr(text, "since 2023-11-15 06:13 (Asia/Taipei)"));
    assert_non_null(strstr(text, "run\nhealth-check on jobs-1 as the jobs' user"));
    free(text);
    text = rendered(json_pack("[o]", note("opened", "service-down", "redis")), "zh-TW", subject,
                    sizeof subject);
    assert_string_equal(subject, "【Tickeasy】服務中斷：redis。");
    assert_non_null(strstr(text, "登入 jobs-1，執行 health-check"));
    free(text);
}

static void its_end_says_how_long_it_was(void **state)
{
    (void)state;
    char subject[200];
    char *text = rendered(json_pack("[o]", note("over", "service-down", "redis")), "en", subject,
                          sizeof subject);
    assert_non_null(strstr(subject, "Over: redis."));
    assert_null(strstr(subject, "DOWN"));
    assert_non_null(strstr(text, "it lasted 57 min, from 2023-11-15 06:13 (Asia/Taipei) to "
                                 "2023-11-15 07:10 (Asia/Taipei)\n  it was: no answer within"));
    free(text);
    text = rendered(json_pack("[o]", note("again", "service-down", "redis")), "en", subject,
                    sizeof subject);
    assert_non_null(strstr(text, "for 1 h 0 min, since"));
    free(text);
}

static const char *const kinds[] = { "service-down",  "service-warning", "task-failed",
                                     "mail-blocked",  "paid-but-open",   "paid-after-expiry",
                                     "order-refused", "files-refused" };
enum { KINDS = sizeof kinds / sizeof kinds[0] };

/* Every kind at its beginning, one over, one that goes on, one too many. */
static json_t *everything(void)
{
    json_t *notes =
        json_pack("[o, o]", note("over", "service-down", "a"), note("again", "task-failed", "b"));
    for (size_t i = 0; i < (size_t)KINDS * 21; i++)
        json_array_append_new(notes, note("opened", kinds[i % KINDS], "c"));
    return notes;
}

static bool has_path(const json_t *samples, const char *section, const char *key)
{
    size_t index;
    json_t *sample;
    json_array_foreach(samples, index, sample)
    {
        const json_t *items = json_object_get(json_object_get(sample, section), "items");
        if (section == NULL ? json_object_get(sample, key) != NULL
                            : json_object_get(json_array_get(items, 0), key) != NULL)
            return true;
    }
    return false;
}

static void the_samples_have_all_that_is_ever_told(void **state)
{
    (void)state;
    json_t *data = data_of(everything(), false);
    json_t *samples = json_loads(embedded_text("jobs/templates/alert.json"), 0, NULL);
    const char *key, *inner;
    json_t *value, *ignored;
    json_object_foreach(data, key, value)
    {
        if (!has_path(samples, NULL, key))
            fail_msg("no sample has %s", key);
        json_t *first = json_array_get(json_object_get(value, "items"), 0);
        json_object_foreach(first, inner, ignored)
        {
            if (!has_path(samples, key, inner))
                fail_msg("no sample has %s.items.%s", key, inner);
        }
    }
    json_decref(samples);
    json_decref(data);
}

static void every_kind_stands_in_the_text(void **state)
{
    (void)state;
    static const char *const languages[] = { "en", "zh-TW" };
    char subject[400];
    for (size_t l = 0; l < 2; l++)
        for (size_t i = 0; i < KINDS; i++) {
            if (strcmp(kinds[i], "mail-blocked") == 0)
                continue;
            char *text = rendered(json_pack("[o]", note("opened", kinds[i], "c")), languages[l],
                                  subject, sizeof subject);
            assert_non_null(strstr(text, "no answer within 10 s"));
            assert_true(strlen(subject) > strlen("【Tickeasy】"));
            free(text);
        }
}

static void no_mail_tells_that_none_goes_out(void **state)
{
    (void)state;
    struct error err = { 0 };
    json_t *notes = json_pack("[o]", note("opened", "mail-blocked", "mail.example"));
    assert_null(alert_note_data(notes, &teller, true, &err));
    assert_int_equal(err.kind, ERR_NONE);
    json_t *data = data_of(notes, false);
    assert_non_null(json_object_get(data, "mail_blocked"));
    json_decref(data);
}

static void a_kind_is_cut_after_twenty(void **state)
{
    (void)state;
    json_t *notes = json_array();
    for (int i = 0; i < 25; i++)
        json_array_append_new(notes, note("opened", "paid-but-open", "c"));
    json_t *data = data_of(notes, true);
    const json_t *section = json_object_get(data, "paid_but_open");
    assert_int_equal(json_integer_value(json_object_get(section, "count")), 25);
    assert_int_equal(json_array_size(json_object_get(section, "items")), 20);
    assert_int_equal(json_integer_value(json_object_get(section, "more")), 5);
    assert_int_equal(json_integer_value(json_object_get(data, "total")), 25);
    json_decref(data);
}

/* --- posts ------------------------------------------------------------------------------------ */

static void a_chat_is_known_by_its_host(void **state)
{
    (void)state;
    static const struct {
        const char *name, *url;
        enum alert_format format;
    } cases[] = {
        { "auto", "https://hooks.slack.com/services/T/B/x", ALERT_SLACK },
        { "auto", "https://discord.com/api/webhooks/1/x", ALERT_DISCORD },
        { "auto", "https://ptb.discordapp.com:443/api/webhooks/1/x", ALERT_DISCORD },
        { "auto", "https://chat.example/hooks/slack.com", ALERT_JSON },
        { "auto", "https://notslack.com/x", ALERT_JSON },
        { "auto", "https://slack.com@evil.example/x", ALERT_JSON },
        { "mattermost", "https://hooks.slack.com/x", ALERT_MATTERMOST },
        { "json", "https://hooks.slack.com/x", ALERT_JSON },
        { "slack", "https://chat.example/x", ALERT_SLACK },
        { "discord", "https://chat.example/x", ALERT_DISCORD },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(alert_format(cases[i].name, cases[i].url), cases[i].format);
}

static json_t *posted(enum alert_format format, const char *subject, const char *text)
{
    json_t *data = json_pack("{s:i}", "total", 1);
    char *post = alert_post(format, subject, text, data);
    assert_non_null(post);
    json_t *json = json_loads(post, 0, NULL);
    assert_non_null(json);
    free(post);
    json_decref(data);
    return json;
}

static void each_chat_gets_what_it_takes(void **state)
{
    (void)state;
    json_t *json = posted(ALERT_SLACK, "<!channel> a & b", "<http://x|y>");
    assert_string_equal(json_string_value(json_object_get(json, "text")),
                        "&lt;!channel&gt; a &amp; b\n&lt;http://x|y&gt;");
    json_decref(json);
    json = posted(ALERT_MATTERMOST, "@channel", "x");
    assert_string_equal(json_string_value(json_object_get(json, "text")), "@\u200bchannel\nx");
    json_decref(json);
    json = posted(ALERT_DISCORD, "@everyone", "x");
    assert_string_equal(json_string_value(json_object_get(json, "content")), "@\u200beveryone\nx");
    const json_t *allowed = json_object_get(json_object_get(json, "allowed_mentions"), "parse");
    assert_true(json_is_array(allowed) && json_array_size(allowed) == 0);
    json_decref(json);
    json = posted(ALERT_JSON, "s", "t");
    assert_non_null(json_object_get(json, "alert"));
    json_decref(json);
}

static void a_long_text_is_cut_between_characters(void **state)
{
    (void)state;
    char text[9001];
    for (size_t shift = 0; shift < 3; shift++) {
        memset(text, 'a', sizeof text);
        for (size_t i = shift; i + 3 < sizeof text; i += 3)
            memcpy(text + i, "票", 3);
        text[sizeof text - 1] = '\0';
        memcpy(text + sizeof text - 5, "aaaa", 4);
        json_t *json = posted(ALERT_DISCORD, "s", text); /* jansson takes UTF-8 alone */
        const char *content = json_string_value(json_object_get(json, "content"));
        assert_true(strlen(content) <= 1910);
        assert_string_equal(content + strlen(content) - strlen("…"), "…");
        json_decref(json);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_outage_names_service_reason_and_beginning),
        cmocka_unit_test(its_end_says_how_long_it_was),
        cmocka_unit_test(the_samples_have_all_that_is_ever_told),
        cmocka_unit_test(every_kind_stands_in_the_text),
        cmocka_unit_test(no_mail_tells_that_none_goes_out),
        cmocka_unit_test(a_kind_is_cut_after_twenty),
        cmocka_unit_test(a_chat_is_known_by_its_host),
        cmocka_unit_test(each_chat_gets_what_it_takes),
        cmocka_unit_test(a_long_text_is_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
