#include "table.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { BOOL = 16, INT8 = 20, INT4 = 23, TEXT = 25 };

/* Rows as a server would send them: name text, count int8, size int4, good bool. */
static PGresult *rows_of(const char *const (*values)[4], int count)
{
    static char names[][8] = { "name", "count", "size", "good" };
    static const Oid types[] = { TEXT, INT8, INT4, BOOL };
    PGresAttDesc columns[4] = { 0 };
    for (int column = 0; column < 4; column++)
        columns[column] = (PGresAttDesc){ .name = names[column], .typid = types[column] };
    PGresult *rows = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
    assert_non_null(rows);
    assert_int_equal(PQsetResultAttrs(rows, 4, columns), 1);
    for (int row = 0; row < count; row++)
        for (int column = 0; column < 4; column++) {
            const char *value = values[row][column];
            char copy[200] = "";
            if (value != NULL)
                snprintf(copy, sizeof copy, "%s", value);
            PQsetvalue(rows, row, column, value == NULL ? NULL : copy,
                       value == NULL ? -1 : (int)strlen(copy));
        }
    return rows;
}

static char *printed(const char *const (*values)[4], int count, bool json)
{
    char *text = NULL;
    size_t length = 0;
    struct error err = { 0 };
    PGresult *rows = rows_of(values, count);
    FILE *out = open_memstream(&text, &length);
    assert_non_null(out);
    assert_true(table_print(out, rows, json, &err));
    fclose(out);
    PQclear(rows);
    return text;
}

static void assert_printed(const char *const (*values)[4], int count, bool json, const char *wanted)
{
    char *text = printed(values, count, json);
    assert_string_equal(text, wanted);
    free(text);
}

static void columns_are_as_wide_as_their_widest_cell(void **state)
{
    (void)state;
    const char *const values[][4] = { { "a", "1", "22", "t" }, { "longer", "123456", "3", "f" } };
    assert_printed(values, 2, false,
                   "name    count   size  good\n"
                   "a       1       22    yes\n"
                   "longer  123456  3     no\n");
}

static void chinese_characters_take_two_columns(void **state)
{
    (void)state;
    const char *const values[][4] = { { "票種", "1", "2", "t" }, { "abcdef", "1", "2", "t" } };
    assert_printed(values, 2, false,
                   "name    count  size  good\n"
                   "票種    1      2     yes\n"
                   "abcdef  1      2     yes\n");
}

static void a_null_is_an_empty_cell(void **state)
{
    (void)state;
    const char *const values[][4] = { { NULL, NULL, "2", NULL } };
    assert_printed(values, 1, false,
                   "name  count  size  good\n"
                   "             2     \n");
}

static void control_characters_cannot_reach_the_terminal(void **state)
{
    (void)state;
    const char *const values[][4] = { { "a\x1b[2J\nb\x7f", "1", "2", "t" } };
    char *text = printed(values, 1, false);
    assert_non_null(strstr(text, "a?[2J?b?  1"));
    free(text);
}

static void no_rows_are_a_head_line_or_an_empty_array(void **state)
{
    (void)state;
    assert_printed(NULL, 0, false, "name  count  size  good\n");
    assert_printed(NULL, 0, true, "[]\n");
}

static void json_keeps_types_nulls_order_and_odd_characters(void **state)
{
    (void)state;
    const char *const values[][4] = { { "say \"票\"\n", "9007199254740993", "-2", "t" },
                                      { NULL, NULL, "0", "f" } };
    assert_printed(values, 2, true,
                   "[{\"name\":\"say \\\"票\\\"\\n\",\"count\":9007199254740993,\"size\":-2,"
                   "\"good\":true},"
                   "{\"name\":null,\"count\":null,\"size\":0,\"good\":false}]\n");
}

/* What table_end prints of these cells, of three columns; to be freed. */
static char *drawn(const char *const cells[][3], size_t rows, size_t width, bool colours)
{
    static const char *const titles[] = { "ID", "WHAT", "WHY", NULL };
    char *text = NULL;
    size_t length = 0;
    struct table table;
    struct error err = { 0 };
    FILE *out = open_memstream(&text, &length);
    assert_non_null(out);
    table_begin(&table, titles);
    for (size_t row = 0; row < rows; row++)
        for (size_t column = 0; column < 3; column++)
            table_add(&table, column == 1 ? TABLE_BAD : TABLE_PLAIN, cells[row][column]);
    assert_true(table_end(&table, out, width, colours, &err));
    fclose(out);
    return text;
}

static void the_widest_column_is_cut_to_fit(void **state)
{
    (void)state;
    const char *const cells[][3] = { { "1", "a long story of many words", "x" },
                                     { "2", "票票票票票票票票票票", NULL } };
    char *text = drawn(cells, 2, 20, false);
    assert_string_equal(text, "ID  WHAT         WHY\n"
                              "1   a long sto…  x\n"
                              "2   票票票票票…  \n");
    free(text);
    text = drawn(cells, 2, 0, false);
    assert_non_null(strstr(text, "a long story of many words  x\n"));
    free(text);
}

static void a_last_column_that_wraps_goes_on_below_itself(void **state)
{
    (void)state;
    static const char *const titles[] = { "ID", "WHY", NULL };
    static const char *const whys[] = { "a story of words that is long",
                                        "a-word-that-is-longer-than-24",
                                        "short",
                                        "票票票票票票票票票票票票票票",
                                        "",
                                        "24 columns and 4 words.." };
    char *text = NULL;
    size_t length = 0;
    struct table table;
    struct error err = { 0 };
    FILE *out = open_memstream(&text, &length);
    table_begin(&table, titles);
    table.wraps = true;
    for (size_t i = 0; i < sizeof whys / sizeof *whys; i++) {
        table_add(&table, TABLE_PLAIN, "a longer id than any why is");
        table_add(&table, i == 0 ? TABLE_BAD : TABLE_PLAIN, whys[i]);
    }
    assert_true(table_end(&table, out, 53, true, &err));
    fclose(out);
    assert_string_equal(text,
                        "ID                           WHY\n"
                        "a longer id than any why is  \033[31ma story of words that is\033[0m\n"
                        "                             \033[31mlong\033[0m\n"
                        "a longer id than any why is  a-word-that-is-longer-th\n"
                        "                             an-24\n"
                        "a longer id than any why is  short\n"
                        "a longer id than any why is  票票票票票票票票票票票票\n"
                        "                             票票\n"
                        "a longer id than any why is  \n"
                        "a longer id than any why is  24 columns and 4 words..\n");
    free(text);
}

static void looks_are_colours_only_where_wanted(void **state)
{
    (void)state;
    const char *const cells[][3] = { { "1", "bad", "x\xc2\x9b" } };
    char *text = drawn(cells, 1, 0, true);
    assert_string_equal(text, "ID  WHAT  WHY\n1   \033[31mbad\033[0m   x??\n");
    free(text);
    text = drawn(cells, 1, 0, false);
    assert_string_equal(text, "ID  WHAT  WHY\n1   bad   x??\n");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_as_wide_as_their_widest_cell),
        cmocka_unit_test(chinese_characters_take_two_columns),
        cmocka_unit_test(a_null_is_an_empty_cell),
        cmocka_unit_test(control_characters_cannot_reach_the_terminal),
        cmocka_unit_test(no_rows_are_a_head_line_or_an_empty_array),
        cmocka_unit_test(the_widest_column_is_cut_to_fit),
        cmocka_unit_test(a_last_column_that_wraps_goes_on_below_itself),
        cmocka_unit_test(looks_are_colours_only_where_wanted),
        cmocka_unit_test(json_keeps_types_nulls_order_and_odd_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
