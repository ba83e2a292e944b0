/* line-diff: what changes between two texts, line by line, for a person. Pure. */
#ifndef JOBS_LINE_DIFF_H
#define JOBS_LINE_DIFF_H

#include <stddef.h>

#include "text.h"

/* Add "-line" for each line that goes and "+line" for each that comes, in their order; lines that
 * stay are not shown. As few as possible, but for texts that differ in thousands of lines. Control
 * characters become spaces. Returns how many it added. */
size_t line_diff(struct text *diff, const struct text *old, const struct text *new);

#endif
