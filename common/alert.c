#include "alert.h"

#include <stdlib.h>

bool alert_sync(struct job *job, const char *mail_to, json_t *kinds, json_t *seen, json_t **news,
                struct error *err)
{
    bool synced = false;
    PGresult *rows = NULL;
    char *kinds_text = json_dumps(kinds, JSON_COMPACT);
    char *seen_text = json_dumps(seen, JSON_COMPACT);
    *news = json_array();
    if (kinds_text == NULL || seen_text == NULL || *news == NULL) {
        error_memory(err);
        goto out;
    }
    const struct config *config = &job->config;
    const char *args[] = { kinds_text,
                           seen_text,
                           job->run.now,
                           job->run.id,
                           mail_to,
                           config->mail_lang,
                           job->run.task->program,
                           job->run.process.host,
                           config->app_timezone };
    rows = db_query(job->db, "alert_sync", args, DB_DURABLE, err);
    if (rows == NULL)
        goto out;
    for (int row = 0; row < PQntuples(rows); row++)
        json_array_append_new(*news,
                              json_pack("{s:s, s:s, s:s}", "kind", db_text(rows, row, "kind"),
                                        "cause", db_text(rows, row, "cause"), "summary",
                                        db_text(rows, row, "summary")));
    synced = true;
out:
    if (!synced) {
        json_decref(*news);
        *news = NULL;
    }
    PQclear(rows);
    free(kinds_text);
    free(seen_text);
    return synced;
}
