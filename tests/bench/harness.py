"""What the benchmarks share: a private, durable PostgreSQL, timed processes, ratios."""
import argparse
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BIN = pathlib.Path(os.environ.get("TICKEASY_BIN", ROOT / "bin"))
BUILD = pathlib.Path(os.environ.get("TICKEASY_BUILD", ROOT / "build"))

# Debian's psql is a script around the real one, which would make the reference slow
PSQL = subprocess.run(["pg_config", "--bindir"], check=True, capture_output=True, text=True).stdout.strip() + "/psql"


class Bench:
    def __init__(self, quick):
        self.scale = 10 if quick else 1
        self.runs = 1 if quick else 3
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="tickeasy-bench.", dir="/var/tmp"))
        self.folder.chmod(0o711)  # the server may be another user
        self.rows = []
        config = self.folder / "config"
        config.touch(mode=0o600)
        self.env = dict(os.environ, STATE_DIR=str(self.folder / "state"), TICKEASY_JOBS_CONFIG=str(config))
        for key in [k for k in self.env if k.startswith(("PG", "MAIL_")) or k == "DATABASE_URL"]:
            del self.env[key]

    # --- the server ---
    def start(self):
        lines = self.server("start")
        self.url = re.search(r"DATABASE_URL='?([^'\n]+)'?", lines).group(1)
        # the size of a small real server, and no checkpoint in the middle of a measurement
        for setting in ("shared_buffers = '4GB'", "max_wal_size = '16GB'", "checkpoint_timeout = '1h'"):
            self.sql("postgres", f"ALTER SYSTEM SET {setting}")
        self.restart()

    def server(self, verb):
        command = [ROOT / "scripts/private-database", verb]
        command += ["--while", str(os.getpid())] if verb == "start" else []
        return subprocess.run(command + [self.folder / "pg"], check=True, capture_output=True, text=True).stdout

    def restart(self):
        pid = int(self.sql("postgres", "SELECT split_part(pg_read_file('postmaster.pid'), chr(10), 1)"))
        os.kill(pid, signal.SIGINT)
        while pathlib.Path(f"/proc/{pid}/cmdline").exists() and pathlib.Path(f"/proc/{pid}/cmdline").read_bytes():
            time.sleep(0.1)
        self.server("start")

    def stop(self):
        self.server("stop")
        shutil.rmtree(self.folder, ignore_errors=True)

    def at(self, database):
        return self.url.replace("/postgres?", f"/{database}?")

    def sql(self, database, *statements, files=(), variables=()):
        command = [PSQL, "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", self.at(database)]
        for name, value in variables:
            command += ["-v", f"{name}={value}"]
        for statement in statements:
            command += ["-c", statement]
        for file in files:
            command += ["-f", str(file)]
        return subprocess.run(command, check=True, env=self.env, capture_output=True, text=True).stdout.strip()

    def create(self, database, files=(), variables=()):
        """A database with the application's tables and ours, filled by the files."""
        self.sql("postgres", f"CREATE DATABASE {database}")
        self.sql(database, files=[ROOT / "scripts/sample/design.sql"])
        subprocess.run([ROOT / "scripts/migrate", "--app-indexes"], check=True, capture_output=True,
                       env=dict(self.env, DATABASE_URL=self.at(database)))
        self.sql(database, "CREATE EXTENSION pg_prewarm", files=files, variables=variables)

    def copy(self, database, files=(), variables=()):
        """A fresh copy named work, changed by the files, warm."""
        self.sql("postgres", "DROP DATABASE IF EXISTS work WITH (FORCE)",
                 f"CREATE DATABASE work TEMPLATE {database} STRATEGY file_copy")
        self.sql("work", files=files, variables=variables)
        # a busy shop's tables and indexes are in memory, whatever their size
        self.sql("work", "SELECT sum(pg_prewarm(oid)) FROM pg_class WHERE relnamespace = 'public'::regnamespace"
                         " AND relkind IN ('r', 'i')")

    # --- measuring ---
    def timed(self, command, **settings):
        """Seconds, peak KB and output of one process on the copy. time(1) is its parent: a process inherits the peak
        of the one that it was made from, and this one is larger than what is measured."""
        peak = self.folder / "peak"
        started = time.monotonic()
        done = subprocess.run(["/usr/bin/time", "-f", "%M", "-o", peak, *command], capture_output=True, text=True,
                              env={**self.env, "DATABASE_URL": self.at("work"), **settings})
        seconds = time.monotonic() - started
        if done.returncode != 0:
            sys.exit(f"bench: {command[0]} failed: {done.stderr or done.stdout}")
        return seconds, int(peak.read_text()), done.stdout

    def reference(self, file):
        return self.timed([PSQL, "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", self.at("work"), "-f", str(file)])

    def row(self, what, ours, against, reference, unit="s", at_most=None, at_least=None):
        """against names the reference; a bound is of the ratio. Without a number reference says why there is none."""
        measured = not isinstance(reference, str)
        ratio = ours / reference if measured else None
        holds = None
        if measured and (at_most is not None or at_least is not None):
            holds = (at_most is None or ratio <= at_most) and (at_least is None or ratio >= at_least)
        self.rows.append({"what": what, "ours": ours, "against": against, "reference": reference, "unit": unit, "ratio": ratio,
                          "at_most": at_most, "at_least": at_least, "holds": holds})
        note(" | ".join(cells(self.rows[-1])))

    def instructions(self, command):
        """Of one process on the copy, by callgrind, in millions."""
        log = self.folder / "callgrind"
        self.timed(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", f"--log-file={log}", *command])
        return int(re.search(r"Collected : (\d+)", log.read_text()).group(1)) / 1e6


def cells(row):
    """A row as the table has it."""
    def amount(value):
        if isinstance(value, str):
            return value
        return f"{value:.{3 if row['unit'] == 's' else 1 if value < 100 else 0}f} {row['unit']}"
    bound = "-" if row["at_most"] is row["at_least"] is None else \
        f"at most {row['at_most']:.2f}" if row["at_least"] is None else f"at least {row['at_least']:.2f}"
    return [row["what"], amount(row["ours"]), f"{row['against']}: {amount(row['reference'])}",
            "-" if row["ratio"] is None else f"{row['ratio']:.2f}", bound + (" NOT HELD" if row["holds"] is False else "")]


def commit():
    done = subprocess.run(["git", "-C", ROOT, "describe", "--always", "--dirty=+"], check=False, capture_output=True, text=True)
    return done.stdout.strip() or "no commit"


def note(text):
    print(f"  {text}", file=sys.stderr, flush=True)


def main(words, parts, load, make=Bench):
    """Run the parts (name to function of the bench), or the one that is asked for. The rows of each go to
    build/bench/NAME.json, in place of those of the run before, where tests/bench/table finds them."""
    parser = argparse.ArgumentParser(description=words)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", choices=list(parts))
    arguments = parser.parse_args()
    results = BUILD / "bench" / f"{pathlib.Path(sys.argv[0]).name}.json"
    before = json.loads(results.read_text())["parts"] if results.exists() else {}
    measured = {name: before.get(name) for name in parts}
    bench = make(arguments.quick)
    try:
        bench.start()
        load(bench)
        for name, part in parts.items():
            if arguments.only in (None, name):
                bench.rows = []
                part(bench)
                measured[name] = {"quick": arguments.quick, "commit": commit(), "day": time.strftime("%F"), "rows": bench.rows}
    finally:
        bench.stop()
    results.parent.mkdir(parents=True, exist_ok=True)
    results.write_text(json.dumps({"parts": measured}, indent=1) + "\n")
