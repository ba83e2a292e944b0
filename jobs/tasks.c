#include "tasks.h"

#include <string.h>

#include "text.h"

/* id, name, description, schedule, timeout and retries are the source document's. What was missed
 * is made up for by one late run, but for a health check: what was is over. */
const struct task tasks[TASK_COUNT] = {
    [TASK_ORDER_EXPIRATION] = {
        .id = "order-expiration",
        .name = "訂單過期處理",
        .description = "自動處理過期的待付款訂單",
        .program = "expire-orders",
        .schedule = "* * * * *",
        .catch_up = "once",
        .timeout_ms = 30000,
        .max_retries = 3,
    },
    [TASK_EMAIL_NOTIFICATION] = {
        .id = "email-notification",
        .name = "演唱會提醒",
        .description = "寄送演唱會開演前的提醒郵件",
        .program = "send-reminders",
        .schedule = "0 9 * * *",
        .catch_up = "once",
        .timeout_ms = 600000,
        .max_retries = 3,
    },
    [TASK_MAIL_DELIVERY] = {
        .id = "mail-delivery",
        .name = "郵件寄送",
        .description = "寄出佇列中等待的郵件",
        .program = "deliver-mail",
        .schedule = "* * * * *",
        .catch_up = "once",
        .timeout_ms = 50000,
        .max_retries = 0,
    },
    [TASK_DATA_CLEANUP] = {
        .id = "data-cleanup",
        .name = "資料清理",
        .description = "清理過期的客服會話、舊的執行日誌、健康檢查和郵件，以及未使用的上傳檔案",
        .program = "cleanup-data",
        .schedule = "0 2 * * 0",
        .catch_up = "once",
        .timeout_ms = 1800000,
        .max_retries = 1,
    },
    [TASK_HEALTH_CHECK] = {
        .id = "health-check",
        .name = "系統健康檢查",
        .description = "檢查系統各項服務健康狀態",
        .program = "health-check",
        .schedule = "*/5 * * * *",
        .catch_up = "none",
        .timeout_ms = 60000,
        .max_retries = 0,
    },
};

bool program_name_valid(const char *name)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
    return strspn(name, letters) > 0 && name[strspn(name, letters)] == '\0' &&
           strchr("_-.", name[0]) == NULL;
}

bool tasks_register(struct db *db, struct error *err)
{
    struct db_step steps[TASK_COUNT];
    struct task_args args[TASK_COUNT];
    for (int i = 0; i < TASK_COUNT; i++)
        steps[i] = runs_register_step(&tasks[i], &args[i]);
    if (!db_run(db, steps, TASK_COUNT, DB_DURABLE, DB_LOCK_MS, err))
        return false;
    for (int i = 0; i < TASK_COUNT; i++)
        PQclear(steps[i].rows);
    return true;
}
