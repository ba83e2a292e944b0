/* Fuzz contract_read and statement_parameters. Input: a statement's file. What is taken has names
 * that end and types that there are. */
#include "contract.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "statements.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(bool true_here)
{
    if (!true_here)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = strndup((const char *)data, size);
    if (text == NULL)
        return 0;
    struct contract contract;
    int parameters = statement_parameters(text);
    need(parameters >= 0 && parameters < 100);
    if (contract_read(text, &contract)) {
        need(contract.parameters <= CONTRACT_PARAMETERS && contract.columns <= CONTRACT_COLUMNS);
        for (size_t i = 0; i < contract.parameters; i++)
            need(contract.parameter[i] < CONTRACT_TYPES);
        for (size_t i = 0; i < contract.columns; i++)
            need(contract.column[i].type < CONTRACT_TYPES &&
                 strlen(contract.column[i].name) < CONTRACT_NAME);
    }
    free(text);
    return 0;
}
