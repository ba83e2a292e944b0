# statements: what the database reads for some of them, however large a table is. bats tests/jobs/statements.bats

bats_load_library bats-support
bats_load_library bats-assert
load ../lib/database
load ../lib/job

setup() { setup_job; }
teardown() { teardown_job; }

# buffers NAME ARG...: blocks of tables and indexes that the statement touches, planning not counted
buffers() {
    local name=$1 file args=''
    shift
    file=$(compgen -G "$PROJECT/*/sql/$name.sql" || compgen -G "$PROJECT/jobs/sql/design/$name.sql")
    [[ $# == 0 ]] || args=$(printf ", '%s'" "$@")
    sql "PREPARE s AS $(<"$file");
         EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF, SUMMARY OFF) EXECUTE s ${args:+(${args#, })}" |
        awk '/Planning/ { exit } /Buffers: shared/ && !seen++ { gsub(/[^0-9 ]/, ""); for (i = 1; i <= NF; i++) n += $i }
             END { print n + 0 }'
}

# Four tasks with a run a minute, one whose runs all fail, one without any.
long_log() {
    sql "INSERT INTO tickeasy_jobs.scheduled_tasks
                (id, name, description, program, cron_expression, max_retries, timeout_ms)
         SELECT id, '', '', '', '* * * * *', 0, 30000
           FROM unnest(ARRAY['task-0', 'task-1', 'task-2', 'task-3', 'failing', 'new']) AS id;
         INSERT INTO tickeasy_jobs.task_execution_logs
                (id, task_id, trigger, actor, start_time, end_time, status, lease_until,
                 host, boot_id, pid, pid_started, version)
         SELECT gen_random_uuid(), CASE n % 5 WHEN 4 THEN 'failing' ELSE 'task-' || n % 5 END, 'cron', 'jobs', at, at,
                CASE n % 5 WHEN 4 THEN 'failed' ELSE 'completed' END, at, '', '', 1, 1, '0'
           FROM generate_series(1, 50000) AS n, LATERAL (SELECT now() - n * interval '12 s' AS at) AS began"
}

@test "a look for the last completed run reads little of a long log, also when there is none" {
    local task when
    long_log
    for when in 'before' 'after'; do
        for task in task-2 failing new; do
            run buffers runs_look "$task" "$NOW"
            echo "$task $when ANALYZE: $output"
            [[ $output -gt 0 && $output -lt 40 ]]
        done
        run buffers cleanup_logs_kept
        echo "$when ANALYZE: $output"
        [[ $output -gt 0 && $output -lt 100 ]]
        sql 'ANALYZE tickeasy_jobs.task_execution_logs'
    done
}
