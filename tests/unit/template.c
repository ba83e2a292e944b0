#include "template.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "embed.h"

static json_t *load(const char *json)
{
    json_error_t why;
    json_t *data = json_loads(json, JSON_ALLOW_NUL, &why);
    if (data == NULL)
        fail_msg("%s: %s", json, why.text);
    return data;
}

static char *render(const char *text, const char *json, enum template_escape escape,
                    struct error *err)
{
    json_t *data = load(json);
    char *result = template_render("t.txt", text, data, escape, err);
    json_decref(data);
    return result;
}

static void expect(const char *text, const char *json, enum template_escape escape,
                   const char *expected)
{
    struct error err = { 0 };
    char *result = render(text, json, escape, &err);
    assert_string_equal(err.text, "");
    assert_non_null(result);
    assert_string_equal(result, expected);
    free(result);
}

static void plain(const char *text, const char *json, const char *expected)
{
    expect(text, json, TEMPLATE_PLAIN, expected);
}

static void html(const char *text, const char *json, const char *expected)
{
    expect(text, json, TEMPLATE_HTML, expected);
}

static void refused(const char *text, const char *json, enum error_kind kind, const char *expected)
{
    struct error err = { 0 };
    assert_null(render(text, json, TEMPLATE_PLAIN, &err));
    assert_string_equal(err.text, expected);
    assert_int_equal(err.kind, kind);
}

/* --- values ----------------------------------------------------------------------------------- */

static void values_print_by_their_type(void **state)
{
    (void)state;
    plain("{{s}} {{ i }} {{n}} {{r}} {{t}}{{f}} [{{null}}]",
          "{\"s\":\"票\",\"i\":3200,\"n\":-9223372036854775808,\"r\":1.005,\"t\":true,\"f\":false,"
          "\"null\":null}",
          "票 3200 -9223372036854775808 1.00 truefalse []");
    plain("{{r}}", "{\"r\":12345678901234567890.5}", "12345678901234567168.00");
}

static void the_largest_real_is_printed_whole(void **state)
{
    (void)state;
    struct error err = { 0 };
    char *result = render("{{r}}", "{\"r\":-1.7976931348623157e308}", TEMPLATE_PLAIN, &err);
    assert_int_equal(strlen(result), 1 + 309 + 3);
    free(result);
}

static void text_without_tags_stays_as_it_is(void **state)
{
    (void)state;
    plain("", "{}", "");
    plain("a } }} { b\r\n\n", "{}", "a } }} { b\r\n\n");
}

static void html_values_are_escaped(void **state)
{
    (void)state;
    html("<b title=\"{{v}}\">{{v}}</b>", "{\"v\":\"<script>'x'&\\\"y\\\"\"}",
         "<b title=\"&lt;script&gt;&#39;x&#39;&amp;&quot;y&quot;\">"
         "&lt;script&gt;&#39;x&#39;&amp;&quot;y&quot;</b>");
    html("{{{v}}}", "{\"v\":\"<b>&\\n\"}", "<b>&\n");
}

static void plain_values_are_not_escaped(void **state)
{
    (void)state;
    plain("{{v}} {{{v}}}", "{\"v\":\"<a & 'b'>\"}", "<a & 'b'> <a & 'b'>");
}

static void values_are_never_read_as_tags(void **state)
{
    (void)state;
    plain("{{v}}{{{v}}}", "{\"v\":\"{{secret}}{{#v}}\",\"secret\":\"x\"}",
          "{{secret}}{{#v}}{{secret}}{{#v}}");
}

static void control_characters_are_dropped(void **state)
{
    (void)state;
    const char *json = "{\"v\":\"a\\u0000b\\rc\\u001b[31m\\u007f\\u0085\\u009fd\\t\\ne \\u00a0é\"}";
    plain("{{v}}", json, "abc[31md\t\ne \u00a0é");
    plain("{{{v}}}", json, "abc[31md\t\ne \u00a0é");
    html("{{v}}", json, "abc[31mde \u00a0é");
}

/* --- sections --------------------------------------------------------------------------------- */

static void a_section_repeats_for_each_element(void **state)
{
    (void)state;
    plain("{{#a}}<{{n}}>{{/a}}", "{\"a\":[{\"n\":1},{\"n\":2},{\"n\":3}]}", "<1><2><3>");
    plain("{{#a}}{{.}},{{/a}}", "{\"a\":[\"x\",7,true,0.5]}", "x,7,true,0.50,");
}

static void a_section_shows_once_for_what_is_filled(void **state)
{
    (void)state;
    plain("{{#v}}yes{{/v}}{{^v}}no{{/v}}", "{\"v\":true}", "yes");
    plain("{{#v}}yes{{/v}}{{^v}}no{{/v}}", "{\"v\":{}}", "yes");
    plain("{{#v}}yes {{.}}{{v}}{{/v}}{{^v}}no{{/v}}", "{\"v\":\"B1\"}", "yes B1B1");
    plain("{{#v}}yes{{/v}}{{^v}}no{{/v}}", "{\"v\":2}", "yes");
    plain("{{#v}}yes{{/v}}{{^v}}no{{/v}}", "{\"v\":-0.5}", "yes");
}

static void an_inverted_section_shows_for_what_is_not(void **state)
{
    (void)state;
    static const char *const empty[] = {
        "{\"v\":false}", "{\"v\":null}", "{\"v\":[]}", "{\"v\":\"\"}",
        "{\"v\":0}",     "{\"v\":0.0}",  "{}"
    };
    for (size_t i = 0; i < sizeof empty / sizeof empty[0]; i++)
        plain("{{#v}}yes{{/v}}{{^v}}no{{/v}}", empty[i], "no");
    plain("{{^v}}no{{/v}}{{#v}}yes{{/v}}", "{\"v\":[1]}", "yes");
}

static void names_are_found_from_the_inside_out(void **state)
{
    (void)state;
    plain("{{#a}}{{x}}{{y}} {{#b}}{{x}}{{y}}{{/b}}{{/a}} {{x}}",
          "{\"x\":\"o\",\"y\":\"p\",\"a\":{\"x\":\"m\",\"b\":{\"x\":\"i\"}}}", "mp ip o");
    plain("{{#a}}{{#b}}{{x}}{{.}} {{/b}}{{/a}}",
          "{\"a\":[{\"x\":1,\"b\":[8,9]},{\"x\":2,\"b\":[]},{\"x\":3,\"b\":[7]}]}", "18 19 37 ");
}

static void a_dotted_name_reaches_into_objects(void **state)
{
    (void)state;
    plain("{{a.b.c}} {{#a.b}}{{c}}{{/a.b}}{{^a.x}}none{{/a.x}}{{#a.b.c.d}}no{{/a.b.c.d}}",
          "{\"a\":{\"b\":{\"c\":5}}}", "5 5none");
}

static void the_first_part_of_a_dotted_name_decides(void **state)
{
    (void)state;
    refused("{{#in}}{{a.b}}{{/in}}", "{\"a\":{\"b\":1},\"in\":{\"a\":{}}}", ERR_CONFIG,
            "t.txt:1: no value named a.b");
}

static void a_section_of_the_same_name_nests(void **state)
{
    (void)state;
    plain("{{#a}}[{{#a}}{{x}}{{/a}}]{{/a}}", "{\"a\":{\"a\":{\"x\":1}}}", "[1]");
}

static void tags_alone_on_a_line_take_the_line(void **state)
{
    (void)state;
    plain("a\n  {{#v}}  \nb\n{{/v}}\t\nc\n", "{\"v\":true}", "a\nb\nc\n");
    plain("{{! first }}\na\n{{!last}}", "{}", "a\n");
    plain("a\r\n{{#v}}\r\nb\r\n{{/v}}\r\nc", "{\"v\":true}", "a\r\nb\r\nc");
    plain("{{#v}}\n{{#v}}\nx\n{{/v}}\n{{/v}}\n", "{\"v\":true}", "x\n");
    plain("a\n{{! over\n two lines }}\nb", "{}", "a\nb");
    plain("a\n{{^v}}\nno\n{{/v}}\nb\n", "{\"v\":1}", "a\nb\n");
}

static void tags_with_company_leave_the_line_alone(void **state)
{
    (void)state;
    plain(" {{#v}}x{{/v}}\n y {{!c}}\n", "{\"v\":true}", " x\n y \n");
    plain(" {{#v}}{{/v}} \n", "{\"v\":true}", "  \n");
    plain(" {{v}} \n", "{\"v\":1}", " 1 \n");
}

/* --- mistakes --------------------------------------------------------------------------------- */

static void an_unknown_variable_is_named_with_its_line(void **state)
{
    (void)state;
    refused("a\nb {{name}} {{nmae}}\n", "{\"name\":1}", ERR_CONFIG, "t.txt:2: no value named nmae");
    refused("{{!\n\n}}\n{{{x}}}", "{}", ERR_CONFIG, "t.txt:4: no value named x");
    refused("{{a.b}}", "{\"a\":7}", ERR_CONFIG, "t.txt:1: no value named a.b");
    refused("{{#a}}\n{{n}}\n{{/a}}", "{\"a\":[{\"n\":1},{}]}", ERR_CONFIG,
            "t.txt:2: no value named n");
}

static void unbalanced_tags_are_errors_whatever_the_data(void **state)
{
    (void)state;
    refused("\n{{#a}}", "{}", ERR_CONFIG, "t.txt:2: section a is not closed");
    refused("{{^a}}{{#b}}\n{{/b}}", "{}", ERR_CONFIG, "t.txt:1: section a is not closed");
    refused("{{/a}}", "{}", ERR_CONFIG, "t.txt:1: {{/a}} closes no open section");
    refused("{{#a}}\n{{#b}}\n{{/a}}{{/b}}", "{}", ERR_CONFIG,
            "t.txt:3: {{/a}} closes no open section");
    refused("{{#ab}}{{/a}}", "{}", ERR_CONFIG, "t.txt:1: {{/a}} closes no open section");
}

static void malformed_tags_are_errors(void **state)
{
    (void)state;
    refused("{{", "{}", ERR_CONFIG, "t.txt:1: tag is not closed");
    refused("{{{a}}", "{\"a\":1}", ERR_CONFIG, "t.txt:1: tag is not closed");
    refused("{{}}", "{}", ERR_CONFIG, "t.txt:1: tag is empty");
    refused("{{ \t}}", "{}", ERR_CONFIG, "t.txt:1: tag is empty");
    refused("{{#}}{{/}}", "{}", ERR_CONFIG, "t.txt:1: tag is empty");
    refused("{{{}}}", "{}", ERR_CONFIG, "t.txt:1: tag is empty");
    refused("{{> other}}", "{}", ERR_CONFIG, "t.txt:1: \"> other\" is not a name");
    refused("{{a b}}", "{}", ERR_CONFIG, "t.txt:1: \"a b\" is not a name");
    refused("{{a..b}}", "{}", ERR_CONFIG, "t.txt:1: \"a..b\" is not a name");
    refused("{{.a}}", "{}", ERR_CONFIG, "t.txt:1: \".a\" is not a name");
    refused("{{a.}}", "{}", ERR_CONFIG, "t.txt:1: \"a.\" is not a name");
}

static void an_object_or_array_is_not_a_value(void **state)
{
    (void)state;
    refused("{{a}}", "{\"a\":{}}", ERR_CONFIG, "t.txt:1: a is an object or array, not a value");
    refused("{{{a}}}", "{\"a\":[1]}", ERR_CONFIG, "t.txt:1: a is an object or array, not a value");
    refused("{{.}}", "{\"a\":[1]}", ERR_CONFIG, "t.txt:1: . is an object or array, not a value");
}

/* --- limits ----------------------------------------------------------------------------------- */

static char *nested(int depth)
{
    char *text = malloc((size_t)depth * 12 + 2);
    assert_non_null(text);
    char *at = text;
    for (int i = 0; i < depth; i++)
        at = stpcpy(at, "{{#a}}");
    at = stpcpy(at, "x");
    for (int i = 0; i < depth; i++)
        at = stpcpy(at, "{{/a}}");
    return text;
}

static void sixteen_sections_may_nest_and_no_more(void **state)
{
    (void)state;
    char *text = nested(16);
    plain(text, "{\"a\":true}", "x");
    free(text);
    text = nested(17);
    refused(text, "{\"a\":true}", ERR_REJECTED, "t.txt:1: sections nested over 16 deep");
    free(text);
}

static void a_result_may_be_one_mebibyte_and_no_more(void **state)
{
    (void)state;
    size_t most = (size_t)1024 * 1024;
    char *long_value = malloc(most + 1);
    assert_non_null(long_value);
    memset(long_value, 'x', most);
    long_value[most] = '\0';
    json_t *data = json_pack("{s:s}", "v", long_value);
    struct error err = { 0 };
    char *result = template_render("t.txt", "{{v}}", data, TEMPLATE_HTML, &err);
    assert_non_null(result);
    assert_string_equal(result, long_value);
    free(result);
    assert_null(template_render("t.txt", "{{v}}.", data, TEMPLATE_HTML, &err));
    assert_int_equal(err.kind, ERR_REJECTED);
    assert_string_equal(err.text, "t.txt: result is over 1048576 bytes");
    json_decref(data);
    free(long_value);
}

static void sections_that_multiply_are_stopped(void **state)
{
    (void)state;
    char *text = nested(16);
    json_t *array = json_array();
    for (int i = 0; i < 100; i++)
        json_array_append_new(array, json_string("x"));
    json_t *data = json_pack("{s:o}", "a", array);
    text[strcspn(text, "x")] = ' ';
    struct error err = { 0 };
    assert_null(template_render("t.txt", text, data, TEMPLATE_PLAIN, &err));
    assert_int_equal(err.kind, ERR_REJECTED);
    assert_string_equal(err.text, "t.txt: over 1000000 tags to render");
    json_decref(data);
    free(text);
}

/* --- checking --------------------------------------------------------------------------------- */

static const char samples[] =
    "[{\"name\":\"Ann\",\"more\":0,\"items\":[],\"of\":null},"
    "{\"name\":\"\",\"more\":2,\"items\":[{\"a\":1},{\"b\":{\"c\":2}}],\"of\":{\"x\":1},"
    "\"plain\":[\"p\"]}]";

static void checked(const char *text, const char *expected)
{
    json_t *data = load(samples);
    struct error err = { 0 };
    bool good = template_check("t.txt", text, data, &err);
    json_decref(data);
    assert_string_equal(err.text, expected);
    assert_int_equal(good, *expected == '\0');
    assert_int_equal(err.kind, good ? ERR_NONE : ERR_CONFIG);
}

static void a_check_knows_what_any_sample_has(void **state)
{
    (void)state;
    checked("", "");
    checked("{{name}}{{{more}}}{{! nmae }}", "");
    checked("{{#items}}{{a}}{{b.c}}{{name}}{{#b}}{{c}}{{a}}{{/b}}{{/items}}", "");
    checked("{{#of}}{{x}}{{/of}}{{of.x}}{{#of.x}}{{.}}{{/of.x}}", "");
    checked("{{#plain}}{{.}}{{/plain}}{{#name}}{{name}}{{.}}{{/name}}{{^name}}{{more}}{{/name}}",
            "");
}

static void a_check_enters_every_section(void **state)
{
    (void)state;
    checked("{{nmae}}", "t.txt:1: no value named nmae");
    checked("{{#more}}\n{{nmae}}\n{{/more}}", "t.txt:2: no value named nmae");
    checked("{{^more}}\n{{nmae}}\n{{/more}}", "t.txt:2: no value named nmae");
    checked("{{#items}}{{#b}}\n\n{{d}}{{/b}}{{/items}}", "t.txt:3: no value named d");
    checked("{{#items}}{{/items}}{{a}}", "t.txt:1: no value named a");
    checked("{{#of}}{{of.y}}{{/of}}", "t.txt:1: no value named of.y");
    checked("{{#nmae}}{{/nmae}}", "t.txt:1: no value named nmae");
    checked("{{^nmae}}{{/nmae}}", "t.txt:1: no value named nmae");
}

static void a_check_refuses_what_no_data_could_mend(void **state)
{
    (void)state;
    checked("\n{{items}}", "t.txt:2: items is an object or array, not a value");
    checked("{{of}}", "t.txt:1: of is an object or array, not a value");
    checked("{{.}}", "t.txt:1: . is an object or array, not a value");
    checked("{{#items}}{{.}}{{/items}}", "t.txt:1: . is an object or array, not a value");
    checked("{{#name}}", "t.txt:1: section name is not closed");
    checked("a\n{{/name}}", "t.txt:2: {{/name}} closes no open section");
}

/* --- the templates we ship -------------------------------------------------------------------- */

static const char *const languages[] = { "zh-TW", "en" };

static const char order[] =
    "{\"name\":\"%s\",\"order_number\":\"T-20261123-0042\","
    "\"expired_at\":\"2026/11/23（一）19:30\",\"total_amount\":\"3,200\",\"currency\":\"NT$\","
    "\"tickets\":[%s]}";
static const char ticket[] = "{\"concert\":\"<夏夜> & Friends\",\"session\":\"台北場\","
                             "\"starts_at\":\"2027/01/02（六）19:30\",\"ticket_type\":\"搖滾區\","
                             "\"quantity\":2,\"seats\":\"%s\"}";
static const char alert[] =
    "{\"program\":\"expire-orders\",\"host\":\"jobs-1\",\"at\":\"2026-11-23 19:30\",\"run\":\"r1\","
    "\"total\":3,\"paid_but_open\":{\"count\":3,\"items\":[{\"summary\":\"order 17\"},"
    "{\"summary\":\"order 18\"}],\"more\":%d}}";

static char *shipped(const char *language, const char *file, const char *json)
{
    char path[64];
    snprintf(path, sizeof path, "jobs/templates/%s/%s", language, file);
    const char *text = embedded_text(path);
    if (text == NULL)
        fail_msg("%s is not embedded", path);
    json_t *data = load(json);
    struct error err = { 0 };
    bool html_part = strstr(file, ".html") != NULL;
    char *result =
        template_render(path, text, data, html_part ? TEMPLATE_HTML : TEMPLATE_PLAIN, &err);
    json_decref(data);
    assert_string_equal(err.text, "");
    assert_non_null(result);
    assert_null(strstr(result, "{{"));
    assert_null(strstr(result, "\n\n\n"));
    return result;
}

static void contains(char *text, const char *part, bool expected)
{
    if ((strstr(text, part) != NULL) != expected)
        fail_msg("%s \"%s\" in:\n%s", expected ? "no" : "unexpected", part, text);
}

static void order_expired_reads_well_with_a_ticket(void **state)
{
    (void)state;
    char seat[512];
    char json[1024];
    snprintf(seat, sizeof seat, ticket, "B1 區 5 排");
    snprintf(json, sizeof json, order, "王小明", seat);
    for (size_t i = 0; i < 2; i++) {
        char *text = shipped(languages[i], "order-expired.txt", json);
        contains(text, "王小明", true);
        contains(text, "T-20261123-0042", true);
        contains(text, "NT$3,200", true);
        contains(text, "<夏夜> & Friends", true);
        contains(text, "B1 區 5 排", true);
        free(text);
        text = shipped(languages[i], "order-expired.html", json);
        contains(text, "王小明", true);
        contains(text, "&lt;夏夜&gt; &amp; Friends", true);
        contains(text, "<夏夜>", false);
        contains(text, "B1 區 5 排", true);
        contains(text, "http", false);
        contains(text, i == 0 ? "<html lang=\"zh-TW\">" : "<html lang=\"en\">", true);
        free(text);
        text = shipped(languages[i], "order-expired.subject", json);
        contains(text, "T-20261123-0042", true);
        assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
        free(text);
    }
}

static void order_expired_reads_well_without_name_seats_or_tickets(void **state)
{
    (void)state;
    char seat[512];
    char json[1024];
    static const char *const files[] = { "order-expired.txt", "order-expired.html" };
    static const char *const greetings[] = { "您好：", "Hello," };
    static const char *const seats[] = { "座位：", "Seats:" };
    static const char *const sessions[] = { "場次：", "Session:" };
    for (size_t i = 0; i < 4; i++) {
        snprintf(seat, sizeof seat, ticket, "");
        snprintf(json, sizeof json, order, "", seat);
        char *text = shipped(languages[i / 2], files[i % 2], json);
        contains(text, greetings[i / 2], true);
        contains(text, " 您好：", false);
        contains(text, "搖滾區", true);
        contains(text, seats[i / 2], false);
        free(text);
        snprintf(json, sizeof json, order, "", "");
        text = shipped(languages[i / 2], files[i % 2], json);
        contains(text, sessions[i / 2], false);
        contains(text, "×", false);
        contains(text, "3,200", true);
        free(text);
    }
}

static void order_expired_leaves_no_gap_for_a_session_without_name_or_time(void **state)
{
    (void)state;
    static const char bare[] = "{\"concert\":\"夏夜\",\"session\":\"\",\"starts_at\":\"\","
                               "\"ticket_type\":\"搖滾區\",\"quantity\":2,\"seats\":\"\"}";
    static const char *const sessions[] = { "場次", "Session" };
    static const char *const times[] = { "時間", "Time:" };
    char json[1024];
    snprintf(json, sizeof json, order, "", bare);
    for (size_t i = 0; i < 2; i++) {
        char *text = shipped(languages[i], "order-expired.txt", json);
        contains(text, sessions[i], false);
        contains(text, times[i], false);
        contains(text, "夏夜\n", true);
        free(text);
        text = shipped(languages[i], "order-expired.html", json);
        contains(text, "<strong>夏夜</strong></td>", true);
        free(text);
    }
}

static void alert_names_what_and_where(void **state)
{
    (void)state;
    static const char *const items[] = { "\n・order 17\n・order 18\n",
                                         "\n- order 17\n- order 18\n" };
    static const char *const more[] = { "另有 1 筆", "and 1 more" };
    static const char *const unseen[] = { "無法過期", "CANNOT BE EXPIRED" };
    char json[1024];
    for (size_t i = 0; i < 2; i++) {
        snprintf(json, sizeof json, alert, 1);
        char *text = shipped(languages[i], "alert.txt", json);
        contains(text, "expire-orders", true);
        contains(text, "jobs-1", true);
        contains(text, items[i], true);
        contains(text, more[i], true);
        contains(text, unseen[i], false);
        free(text);
        snprintf(json, sizeof json, alert, 0);
        text = shipped(languages[i], "alert.txt", json);
        contains(text, i == 0 ? "另有" : "more:", false);
        free(text);
        text = shipped(languages[i], "alert.subject", json);
        contains(text, i == 0 ? "3 件事" : "Needs a person: 3.\n", true);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_print_by_their_type),
        cmocka_unit_test(the_largest_real_is_printed_whole),
        cmocka_unit_test(text_without_tags_stays_as_it_is),
        cmocka_unit_test(html_values_are_escaped),
        cmocka_unit_test(plain_values_are_not_escaped),
        cmocka_unit_test(values_are_never_read_as_tags),
        cmocka_unit_test(control_characters_are_dropped),
        cmocka_unit_test(a_section_repeats_for_each_element),
        cmocka_unit_test(a_section_shows_once_for_what_is_filled),
        cmocka_unit_test(an_inverted_section_shows_for_what_is_not),
        cmocka_unit_test(names_are_found_from_the_inside_out),
        cmocka_unit_test(a_dotted_name_reaches_into_objects),
        cmocka_unit_test(the_first_part_of_a_dotted_name_decides),
        cmocka_unit_test(a_section_of_the_same_name_nests),
        cmocka_unit_test(tags_alone_on_a_line_take_the_line),
        cmocka_unit_test(tags_with_company_leave_the_line_alone),
        cmocka_unit_test(an_unknown_variable_is_named_with_its_line),
        cmocka_unit_test(unbalanced_tags_are_errors_whatever_the_data),
        cmocka_unit_test(malformed_tags_are_errors),
        cmocka_unit_test(an_object_or_array_is_not_a_value),
        cmocka_unit_test(sixteen_sections_may_nest_and_no_more),
        cmocka_unit_test(a_result_may_be_one_mebibyte_and_no_more),
        cmocka_unit_test(sections_that_multiply_are_stopped),
        cmocka_unit_test(a_check_knows_what_any_sample_has),
        cmocka_unit_test(a_check_enters_every_section),
        cmocka_unit_test(a_check_refuses_what_no_data_could_mend),
        cmocka_unit_test(order_expired_reads_well_with_a_ticket),
        cmocka_unit_test(order_expired_reads_well_without_name_seats_or_tickets),
        cmocka_unit_test(order_expired_leaves_no_gap_for_a_session_without_name_or_time),
        cmocka_unit_test(alert_names_what_and_where),
    };
    return cmocka_run_group_tests_name("template", tests, NULL, NULL);
}
