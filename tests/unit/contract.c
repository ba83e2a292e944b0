#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "contract.h"
#include "embed.h"
#include "statements.h"

static void a_head_comment_says_what_is_given_and_read(void **state)
{
    (void)state;
    struct contract contract;
    assert_true(
        contract_read("-- due: the next ones, $9 of them; rows as they come.\n"
                      "-- $1 now timestamptz  $2 zone  $3 orders uuid[], in order  $4 uuid[] from\n"
                      "--   elsewhere  $5 keep interval of sessions\n"
                      "-- $6 most int\n"
                      "-- rows: id uuid, label text (what, people (all), say),\n"
                      "--   count bigint, paid bool (or not)\n"
                      "SELECT $7 -- rows: more text\n",
                      &contract));
    static const enum contract_type given[] = { CONTRACT_TIMESTAMPTZ, CONTRACT_TEXT,
                                                CONTRACT_UUIDS,       CONTRACT_UUIDS,
                                                CONTRACT_INTERVAL,    CONTRACT_INT };
    assert_int_equal(contract.parameters, 6);
    assert_memory_equal(contract.parameter, given, sizeof given);
    assert_int_equal(contract.columns, 4);
    assert_string_equal(contract.column[0].name, "id");
    assert_int_equal(contract.column[0].type, CONTRACT_UUID);
    assert_string_equal(contract.column[1].name, "label");
    assert_int_equal(contract.column[1].type, CONTRACT_TEXT);
    assert_string_equal(contract.column[2].name, "count");
    assert_int_equal(contract.column[2].type, CONTRACT_BIGINT);
    assert_int_equal(contract.column[3].type, CONTRACT_BOOL);
}

static void one_row_and_at_most_one_are_rows_too(void **state)
{
    (void)state;
    struct contract contract;
    assert_true(contract_read("-- one row: due bigint\nSELECT 1\n", &contract));
    assert_int_equal(contract.columns, 1);
    assert_true(contract_read("-- at most one row: id uuid\r\nSELECT 1\r\n", &contract));
    assert_int_equal(contract.columns, 1);
    assert_true(contract_read("SELECT 1", &contract));
    assert_int_equal(contract.parameters + contract.columns, 0);
}

static void a_head_comment_in_another_form_is_refused(void **state)
{
    (void)state;
    static const char *const heads[] = {
        "-- $2 now timestamptz\n",
        "-- $1 now timestamptz  $3 zone\n",
        "-- $x now\n",
        "-- rows: id\n",
        "-- rows: id uuid, label strange\n",
        "-- rows: id uuid and label text\n",
        "-- rows: \n",
        "-- rows: a_name_that_is_longer_than_any_name text\n",
        "-- $1  $2  $3  $4  $5  $6  $7  $8  $9  $10  $11  $12  $13\n",
        "-- rows: a int,b int,c int,d int,e int,f int,g int,h int,i int,j int,k int,l int,m int",
    };
    struct contract contract;
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
        if (contract_read(heads[i], &contract))
            fail_msg("taken: %s", heads[i]);
}

/* Each one of the design schema has a head in that form, and the other schema the same. */
static void every_statement_of_every_schema_has_the_same_contract(void **state)
{
    (void)state;
    static const char folder[] = "jobs/sql/design/", other[] = "jobs/sql/backend/";
    int seen = 0;
    for (size_t i = 0; i < embedded_count; i++) {
        const char *path = embedded_files[i].path;
        if (strncmp(path, folder, sizeof folder - 1) != 0)
            continue;
        struct contract contract, same;
        seen++;
        if (!contract_read(embedded_files[i].text, &contract))
            fail_msg("%s is not in the form of contract.h", path);
        if ((size_t)statement_parameters(embedded_files[i].text) > contract.parameters)
            fail_msg("%s takes more than its head says", path);
        char twin[256];
        snprintf(twin, sizeof twin, "%s%s", other, path + sizeof folder - 1);
        const char *text = embedded_text(twin);
        if (text == NULL)
            fail_msg("there is no %s", twin);
        if (!contract_read(text, &same) || memcmp(&contract, &same, sizeof contract) != 0)
            fail_msg("%s says something else than %s", twin, path);
    }
    assert_true(seen > 20);
}

static void what_is_read_may_be_what_looks_the_same(void **state)
{
    (void)state;
    assert_true(contract_reads(CONTRACT_TEXT, "character varying", 'S'));
    assert_true(contract_reads(CONTRACT_TEXT, "\"OrderStatus\"", 'E'));
    assert_true(contract_reads(CONTRACT_TEXT, "integer", 'N'));
    assert_true(contract_reads(CONTRACT_TEXT, "uuid", 'U'));
    assert_false(contract_reads(CONTRACT_TEXT, "timestamp with time zone", 'D'));
    assert_true(contract_reads(CONTRACT_BIGINT, "integer", 'N'));
    assert_false(contract_reads(CONTRACT_BIGINT, "numeric", 'N'));
    assert_false(contract_reads(CONTRACT_BIGINT, "text", 'S'));
    assert_true(contract_reads(CONTRACT_UUID, "text", 'S'));
    assert_false(contract_reads(CONTRACT_UUID, "bigint", 'N'));
    assert_true(contract_reads(CONTRACT_JSONB, "json", 'U'));
    assert_false(contract_reads(CONTRACT_JSONB, "uuid", 'U'));
    assert_true(contract_reads(CONTRACT_BOOL, "boolean", 'B'));
    assert_false(contract_reads(CONTRACT_BOOL, "text", 'S'));
}

static void what_is_given_must_be_taken_as_what_it_is(void **state)
{
    (void)state;
    assert_true(contract_gives(CONTRACT_TIMESTAMPTZ, "timestamp with time zone", 'D'));
    assert_false(contract_gives(CONTRACT_TIMESTAMPTZ, "timestamp without time zone", 'D'));
    assert_false(contract_gives(CONTRACT_TIMESTAMPTZ, "text", 'S'));
    assert_true(contract_gives(CONTRACT_UUIDS, "uuid[]", 'A'));
    assert_false(contract_gives(CONTRACT_UUIDS, "text[]", 'A'));
    assert_true(contract_gives(CONTRACT_INT, "bigint", 'N'));
    assert_false(contract_gives(CONTRACT_INT, "text", 'S'));
    assert_true(contract_gives(CONTRACT_TEXT, "text", 'S'));
    assert_false(contract_gives(CONTRACT_TEXT, "uuid", 'U'));
    assert_true(contract_gives(CONTRACT_INTERVAL, "interval", 'T'));
}

static void parameters_are_counted_outside_of_comments(void **state)
{
    (void)state;
    assert_int_equal(statement_parameters("-- $3 now\nSELECT $1, '-', a - $2 -- $4\n"), 2);
    assert_int_equal(statement_parameters("SELECT 1"), 0);
    assert_int_equal(statement_parameters("SELECT $11, $2, '$', $100 --"), 11);
    assert_int_equal(statement_parameters("--"), 0);
    assert_int_equal(statement_parameters("-- $1"), 0);
    assert_int_equal(statement_parameters("SELECT 'NT$5', 'it''s $6', \"$7\", $1"), 1);
    assert_int_equal(statement_parameters("SELECT E'\\'$5', '\\', $2, e'\\\\', $3"), 3);
    assert_int_equal(statement_parameters("/* $5 /* $6 */ $7 */ SELECT $1 /* $8"), 1);
    assert_int_equal(statement_parameters("SELECT $$ $5 $$, $a$ $6 $$ $a$, $2, $b$ $9"), 2);
    assert_int_equal(statement_parameters("SELECT a$5, $3::int, $ 4"), 3);
    assert_int_equal(statement_parameters("SELECT '$1"), 0);
    assert_int_equal(statement_parameters("SELECT E'\\"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_head_comment_says_what_is_given_and_read),
        cmocka_unit_test(one_row_and_at_most_one_are_rows_too),
        cmocka_unit_test(a_head_comment_in_another_form_is_refused),
        cmocka_unit_test(every_statement_of_every_schema_has_the_same_contract),
        cmocka_unit_test(what_is_read_may_be_what_looks_the_same),
        cmocka_unit_test(what_is_given_must_be_taken_as_what_it_is),
        cmocka_unit_test(parameters_are_counted_outside_of_comments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
