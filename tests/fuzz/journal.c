/* The text of a worker's journal: any bytes at all give marks that are fit for the database. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "journal.h"
#include "value.h"
#include "words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t index;
    json_t *mark;
    json_t *marks = journal_parse((const char *)data, size);
    if (marks == NULL)
        abort();
    json_array_foreach(marks, index, mark)
    {
        const char *words = json_string_value(json_object_get(mark, "words"));
        if (!uuid_valid(json_string_value(json_object_get(mark, "id"))) ||
            utf8_trouble(words, strlen(words), false) != NULL)
            abort();
    }
    json_decref(marks);
    return 0;
}
