#include "embed.h"

#include <stdlib.h>
#include <string.h>

static int by_path(const void *path, const void *file)
{
    return strcmp(path, ((const struct embedded *)file)->path);
}

const char *embedded_text(const char *path)
{
    const struct embedded *file =
        bsearch(path, embedded_files, embedded_count, sizeof embedded_files[0], by_path);
    return file == NULL ? NULL : file->text;
}

bool embedded_folder(const char *folder)
{
    size_t length = strlen(folder);
    for (size_t i = 0; i < embedded_count; i++)
        if (strncmp(embedded_files[i].path, folder, length) == 0 &&
            embedded_files[i].path[length] == '/')
            return true;
    return false;
}
