"""Granary beside ClickHouse (chdb) and DuckDB: the same events, one run, one machine.

    cargo xtask bench [--rows N] [--keep FOLDER] [--rounds N]

Granary takes the events as an SDK would send them (`POST /batch/`, 1000 events a request, 8 connections, each request
answered when durable); the peers load the same lines from a file in one statement. Queries are interleaved (one round asks
every engine once); the figure is the median of the rounds. Granary's time includes HTTP and JSON.
"""

import argparse
import http.client
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FROM, TO = "2026-05-31", "2026-06-30"  # half-open; the generator's data end with 2026-06-29
KEY = "phx_bench"
TOKEN = "phc_bench"


def resident_mib(pid: int) -> float:
    for line in open(f"/proc/{pid}/status"):
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0


def folder_bytes(folder) -> int:
    return sum(f.stat().st_size for f in Path(folder).rglob("*") if f.is_file())


class Granary:
    name = "granary"

    def __init__(self, binary: Path, folder: Path):
        self.binary, self.data = binary, folder / "granary"
        self.start()

    def start(self):
        env = {**os.environ, "GRANARY_PROJECT_TOKEN": TOKEN, "GRANARY_PERSONAL_API_KEY": KEY, "GRANARY_LOG": "warn"}
        self.process = subprocess.Popen(
            [self.binary, "serve", "--port", "0", "--data-dir", self.data], stdout=subprocess.PIPE, text=True, env=env)
        for line in self.process.stdout:
            if line.strip().startswith("URL"):
                self.port = int(line.rsplit(":", 1)[1])
                break
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=600)

    def load(self, lines: list) -> float:
        head, tail = b'{"api_key":"%s","batch":[' % TOKEN.encode(), b"]}"
        bodies = [head + b",".join(lines[i:i + 1000]) + tail for i in range(0, len(lines), 1000)]
        local = threading.local()

        def send(body):
            if not hasattr(local, "connection"):
                local.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=600)
            local.connection.request("POST", "/batch/", body, {"Content-Type": "application/json"})
            answer = local.connection.getresponse()
            text = answer.read()
            if answer.status != 200:
                sys.exit(f"granary answered {answer.status}: {text[:300]}")

        start = time.perf_counter()
        with ThreadPoolExecutor(8) as pool:
            for _ in pool.map(send, bodies):
                pass
        return time.perf_counter() - start

    def settle(self):
        """Restarts, which writes all of the log into parts, and waits until merges leave the files alone."""
        self.close()
        start = time.perf_counter()
        self.start()
        print(f"started on {folder_bytes(self.data) / 2**20:.0f} MiB in {time.perf_counter() - start:.2f} s")
        before, quiet = -1, 0
        while quiet < 3:
            time.sleep(2)
            now = folder_bytes(self.data)
            quiet = quiet + 1 if now == before else 0
            before = now

    def trend(self, body: dict) -> list:
        body = {"date_from": FROM, "date_to": "2026-06-29", "refresh": True, **body}
        self.connection.request("POST", "/api/projects/1/insights/trend/", json.dumps(body),
                                {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"})
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            sys.exit(f"granary answered {answer.status}: {text[:300]}")
        return json.loads(text)["result"]

    def ask(self, query: str):
        pageview = {"id": "$pageview"}
        if query == "total":
            return [round(v) for v in self.trend({"events": [pageview]})[0]["data"]]
        if query == "dau":
            return [round(v) for v in self.trend({"events": [{**pageview, "math": "dau"}]})[0]["data"]]
        series = self.trend({"events": [pageview], "breakdown": "$browser"})
        return sorted((s["breakdown_value"].replace("$$_posthog_breakdown_other_$$", "other"), round(s["count"])) for s in series)

    def pid(self):
        return self.process.pid

    def size(self) -> int:
        return folder_bytes(self.data)

    def close(self):
        self.process.terminate()
        self.process.wait()


class ClickHouse:
    """PostHog's shape: JSON text in a String, persons through the distinct-id table; `mat`: `$browser` materialised."""

    def __init__(self, folder: Path, mat: bool):
        from chdb import session
        self.name = "clickhouse, $browser materialised" if mat else "clickhouse, JSON text"
        self.folder = folder / ("ch_mat" if mat else "ch_text")
        self.session = session.Session(str(self.folder))
        self.browser = "mat_browser" if mat else "JSONExtractString(properties, '$browser')"
        column = ", mat_browser LowCardinality(String) MATERIALIZED JSONExtractString(properties, '$browser')" if mat else ""
        self.run("CREATE DATABASE bench")
        self.run(f"""CREATE TABLE bench.events (uuid UUID, event LowCardinality(String), timestamp DateTime64(6, 'UTC'),
            team_id Int64, distinct_id String, properties String CODEC(ZSTD(3)){column}) ENGINE = MergeTree
            PARTITION BY toYYYYMM(timestamp)
            ORDER BY (team_id, toDate(timestamp), event, cityHash64(distinct_id), cityHash64(uuid))""")
        self.run("""CREATE TABLE bench.person_distinct_id2 (team_id Int64, distinct_id String, person_id UUID, version UInt64)
            ENGINE = ReplacingMergeTree(version) ORDER BY (team_id, distinct_id)""")

    def run(self, sql: str, form: str = "JSONCompact"):
        return self.session.query(sql, form)

    def load(self, file: Path) -> float:
        start = time.perf_counter()
        self.run(f"""INSERT INTO bench.events (uuid, event, timestamp, team_id, distinct_id, properties)
            SELECT uuid, event, parseDateTime64BestEffort(timestamp, 6, 'UTC'), 1, distinct_id, properties
            FROM file('{file}', 'JSONEachRow', 'uuid UUID, event String, timestamp String, distinct_id String, properties String')
            SETTINGS input_format_json_read_objects_as_strings = 1""")
        took = time.perf_counter() - start
        self.run("""INSERT INTO bench.person_distinct_id2 SELECT team_id, distinct_id, generateUUIDv4(distinct_id), 0
            FROM (SELECT DISTINCT team_id, distinct_id FROM bench.events)""")
        return took

    def settle(self):
        self.run("OPTIMIZE TABLE bench.events FINAL")

    def ask(self, query: str):
        where = f"team_id = 1 AND event = '$pageview' AND timestamp >= '{FROM}' AND timestamp < '{TO}'"
        if query == "total":
            sql = f"SELECT toDate(timestamp) d, count() FROM bench.events WHERE {where} GROUP BY d ORDER BY d"
        elif query == "dau":
            sql = f"""SELECT toDate(timestamp) d, uniqExact(person_id) FROM bench.events e INNER JOIN
                (SELECT distinct_id, argMax(person_id, version) person_id FROM bench.person_distinct_id2
                 WHERE team_id = 1 GROUP BY distinct_id) p ON e.distinct_id = p.distinct_id WHERE {where} GROUP BY d ORDER BY d"""
        else:
            sql = f"""WITH counts AS (SELECT toDate(timestamp) d, {self.browser} b, count() c FROM bench.events
                WHERE {where} GROUP BY d, b), top AS (SELECT b FROM counts GROUP BY b ORDER BY sum(c) DESC, b LIMIT 25)
                SELECT d, if(b IN top, b, 'other') v, sum(c) FROM counts GROUP BY d, v ORDER BY d, v"""
        rows = json.loads(self.run(sql).bytes())["data"]
        return summarise(query, rows)

    def size(self) -> int:
        rows = json.loads(self.run("SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND database = 'bench'").bytes())
        return int(rows["data"][0][0])

    def close(self):
        self.session.close()


class DuckDB:
    """One table, `typed`: `$browser` a column of its own beside the JSON text."""

    def __init__(self, folder: Path, typed: bool):
        import duckdb
        self.name = "duckdb, $browser a column" if typed else "duckdb, JSON text"
        self.file = folder / f"duck_{typed}.db"
        self.db = duckdb.connect(str(self.file))
        self.db.execute("SET threads = 2")
        self.typed = typed
        self.browser = "browser" if typed else "properties->>'$.\"$browser\"'"

    def load(self, file: Path) -> float:
        columns = "{uuid: 'UUID', event: 'VARCHAR', timestamp: 'TIMESTAMP', distinct_id: 'VARCHAR', properties: 'JSON'}"
        browser = ", properties->>'$.\"$browser\"' AS browser" if self.typed else ""
        start = time.perf_counter()
        self.db.execute(f"CREATE TABLE events AS SELECT 1::BIGINT AS team_id, *{browser} FROM read_json('{file}', format='newline_delimited', columns={columns})")
        self.db.execute("CHECKPOINT")
        took = time.perf_counter() - start
        self.db.execute("CREATE TABLE person_distinct_id2 AS SELECT team_id, distinct_id, gen_random_uuid() AS person_id, 0 AS version FROM (SELECT DISTINCT team_id, distinct_id FROM events)")
        return took

    def settle(self):
        self.db.execute("CHECKPOINT")

    def ask(self, query: str):
        where = f"e.team_id = 1 AND event = '$pageview' AND timestamp >= TIMESTAMP '{FROM}' AND timestamp < TIMESTAMP '{TO}'"
        if query == "total":
            sql = f"SELECT timestamp::DATE d, count(*) FROM events e WHERE {where} GROUP BY 1 ORDER BY 1"
        elif query == "dau":
            sql = f"""SELECT timestamp::DATE d, count(DISTINCT person_id) FROM events e JOIN (SELECT distinct_id, arg_max(person_id, version)
                person_id FROM person_distinct_id2 WHERE team_id = 1 GROUP BY 1) p USING (distinct_id) WHERE {where} GROUP BY 1 ORDER BY 1"""
        else:
            sql = f"""WITH counts AS (SELECT timestamp::DATE d, {self.browser} b, count(*) c FROM events e WHERE {where} GROUP BY 1, 2),
                top AS (SELECT b FROM counts GROUP BY b ORDER BY sum(c) DESC, b LIMIT 25)
                SELECT d, CASE WHEN b IN (SELECT b FROM top) THEN b ELSE 'other' END v, sum(c) FROM counts GROUP BY 1, 2 ORDER BY 1, 2"""
        return summarise(query, self.db.execute(sql).fetchall())

    def size(self) -> int:
        return self.file.stat().st_size

    def close(self):
        self.db.close()


def summarise(query: str, rows) -> list:
    if query != "breakdown":
        return [int(row[1]) for row in rows]
    counts = {}
    for _, value, count in rows:
        counts[value] = counts.get(value, 0) + int(count)
    return sorted(counts.items())


def peer(kind: str, variant: bool, file: Path, folder: Path, rounds: int, pipe_in, pipe_out):
    """A peer in a process of its own, so that its memory is its own: reads commands, writes JSON lines."""
    engine = (ClickHouse if kind == "clickhouse" else DuckDB)(folder, variant)
    for line in pipe_in:
        command = json.loads(line)
        if command[0] == "load":
            took = engine.load(file)
            engine.settle()
            out = {"seconds": took, "bytes": engine.size(), "name": engine.name}
        else:
            start = time.perf_counter()
            answer = engine.ask(command[1])
            out = {"seconds": time.perf_counter() - start, "answer": answer}
        out["mib"] = resident_mib(os.getpid())
        print(json.dumps(out), file=pipe_out, flush=True)
    engine.close()


class Peer:
    def __init__(self, kind: str, variant: bool, file: Path, folder: Path):
        self.process = subprocess.Popen(
            [sys.executable, __file__, "--peer", kind, "--variant", str(int(variant)), "--file", file, "--folder", folder],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def call(self, *command) -> dict:
        print(json.dumps(command), file=self.process.stdin, flush=True)
        line = self.process.stdout.readline()
        if not line:
            sys.exit("a peer ended early")
        return json.loads(line)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--rows", type=int, default=1_000_000)
    ap.add_argument("--rounds", type=int, default=7)
    ap.add_argument("--binary", type=Path)
    ap.add_argument("--keep", type=Path, help="folder for the data set, reused by later runs")
    ap.add_argument("--peer"), ap.add_argument("--variant", type=int), ap.add_argument("--file", type=Path), ap.add_argument("--folder", type=Path)
    args = ap.parse_args()
    if args.peer:
        return peer(args.peer, bool(args.variant), args.file, args.folder, args.rounds, sys.stdin, sys.stdout)

    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    binary = args.binary or target / "release" / "granary"
    scratch = Path(tempfile.mkdtemp(prefix="granary-bench-"))
    data = (args.keep or scratch / "data") / str(args.rows)
    if not (data / "events.ndjson").exists():
        subprocess.run([sys.executable, ROOT / "tests/bench/generate.py", "--rows", str(args.rows), "--ndjson", str(args.rows),
                        "--out", data], check=True)
    lines = (data / "events.ndjson").read_bytes().splitlines()
    print(f"{len(lines)} events, {sum(map(len, lines)) / len(lines):.0f} bytes each as JSON")
    table = {}
    try:
        granary = Granary(binary, scratch)
        took = granary.load(lines)
        loaded = resident_mib(granary.pid())
        granary.settle()
        table["granary"] = {"load": took, "bytes": granary.size(), "loaded_mib": loaded}
        del lines
        peers = {}
        for kind in ("clickhouse", "duckdb"):
            for variant in (False, True):
                one = Peer(kind, variant, data / "events.ndjson", scratch)
                out = one.call("load")
                peers[out["name"]] = one
                table[out["name"]] = {"load": out["seconds"], "bytes": out["bytes"]}
        for query in ("total", "dau", "breakdown"):
            times = {name: [] for name in table}
            for _ in range(args.rounds):
                start = time.perf_counter()
                wanted = granary.ask(query)
                times["granary"].append(time.perf_counter() - start)
                for name, one in peers.items():
                    out = one.call("ask", query)
                    times[name].append(out["seconds"])
                    table[name]["mib"] = out["mib"]
                    if json.dumps(out["answer"]) != json.dumps(wanted):
                        sys.exit(f"{name} answers {query} otherwise:\n{out['answer']}\n{wanted}")
            for name, list_ in times.items():
                table[name][query] = statistics.median(list_)
        table["granary"]["mib"] = resident_mib(granary.pid())
        for one in peers.values():
            one.close()
        granary.close()
    finally:
        shutil.rmtree(scratch, ignore_errors=True)

    print(f"\nGranary held {table['granary']['loaded_mib']:.0f} MiB at the end of the load; below is memory after the queries.")
    print("\n| | load s | rows/s | bytes/event | memory MiB | trend per day ms | DAU ms | breakdown ms |")
    print("|---|--:|--:|--:|--:|--:|--:|--:|")
    for name, row in table.items():
        print(f"| {name} | {row['load']:.1f} | {args.rows / row['load']:,.0f} | {row['bytes'] / args.rows:.1f} | {row['mib']:.0f} "
              f"| {row['total'] * 1e3:.1f} | {row['dau'] * 1e3:.1f} | {row['breakdown'] * 1e3:.1f} |")
    ours = table["granary"]
    print("\nRatio to Granary (above 1: Granary is better)")
    print("| | rows/s | bytes/event | trend | DAU | breakdown |\n|---|--:|--:|--:|--:|--:|")
    for name, row in table.items():
        if name != "granary":
            print(f"| {name} | {row['load'] / ours['load']:.2f} | {row['bytes'] / ours['bytes']:.2f} | {row['total'] / ours['total']:.2f} "
                  f"| {row['dau'] / ours['dau']:.2f} | {row['breakdown'] / ours['breakdown']:.2f} |")


if __name__ == "__main__":
    main()
