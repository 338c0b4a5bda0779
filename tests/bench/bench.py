"""Granary beside ClickHouse (chdb) and DuckDB: the same events, one run, one machine.

    cargo xtask bench [--rows N] [--keep FOLDER] [--rounds N]

Granary takes the events as an SDK would send them (`POST /batch/`, 1000 events a request, 8 connections, each request
answered when durable); the peers load the same lines from a file in one statement. Queries are interleaved (one round asks
every engine once); the figure is the median of the rounds. Granary's time includes HTTP and JSON.
"""

import argparse
import http.client
import itertools
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
FROM90 = "2026-04-01"
WEEK = 7 * 86400
FUNNEL3 = ["$pageview", "add_to_cart", "order_completed"]
# Every name that the generator knows, then some again.
FUNNEL50 = ["$pageview", "$autocapture", "$pageleave", "$identify", "$set", "$feature_flag_called", "$web_vitals", "$rageclick",
            "add_to_cart", "search", "order_completed", "signup_started", "signup_completed", "video_played", "file_uploaded",
            "file_downloaded", "invite_sent", "plan_upgraded", "checkout_started", "coupon_applied", "trial_started",
            "dashboard_viewed", "insight_created", "export_clicked", "comment_added", "share_clicked", "filter_applied",
            "settings_saved", "profile_updated", "notification_opened", "email_verified", "password_reset", "support_ticket",
            "integration_added", "api_key_created", "report_scheduled", "team_member_added", "subscription_cancelled",
            "payment_failed", "refund_requested"]
FUNNEL50 += FUNNEL50[:10]
# What is asked, and over how many days.
QUERIES = {"total": 30, "dau": 30, "breakdown": 30, "funnel": 30, "funnel 50 steps": 90, "retention 90 x 90": 90, "stickiness": 30}
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

    def load(self, file: Path) -> float:
        head, tail = b'{"api_key":"%s","batch":[' % TOKEN.encode(), b"]}"
        local, waiting = threading.local(), threading.Semaphore(64)

        def send(body):
            if not hasattr(local, "connection"):
                local.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=600)
            local.connection.request("POST", "/batch/", body, {"Content-Type": "application/json"})
            answer = local.connection.getresponse()
            text = answer.read()
            waiting.release()
            if answer.status != 200:
                raise RuntimeError(f"granary answered {answer.status}: {text[:300]}")

        start = time.perf_counter()
        with ThreadPoolExecutor(8) as pool, open(file, "rb") as lines:
            sent = []
            while chunk := list(itertools.islice(lines, 1000)):
                waiting.acquire()
                sent.append(pool.submit(send, head + b",".join(chunk) + tail))
            for one in sent:
                one.result()
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

    def insight(self, kind: str, body: dict):
        body = {"date_from": FROM, "date_to": "2026-06-29", "refresh": True, **body}
        self.connection.request("POST", f"/api/projects/1/insights/{kind}/", json.dumps(body),
                                {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"})
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            sys.exit(f"granary answered {answer.status}: {text[:300]}")
        return json.loads(text)["result"]

    def ask(self, query: str):
        pageview = {"id": "$pageview"}
        if query == "total":
            return [round(v) for v in self.insight("trend", {"events": [pageview]})[0]["data"]]
        if query == "dau":
            return [round(v) for v in self.insight("trend", {"events": [{**pageview, "math": "dau"}]})[0]["data"]]
        if query == "breakdown":
            series = self.insight("trend", {"events": [pageview], "breakdown": "$browser"})
            return sorted([s["breakdown_value"].replace("$$_posthog_breakdown_other_$$", "other"), round(s["count"])] for s in series)
        if query.startswith("funnel"):
            steps, from_ = (FUNNEL3, FROM) if query == "funnel" else (FUNNEL50, FROM90)
            events = [{"id": name, "order": order} for order, name in enumerate(steps)]
            result = self.insight("funnel", {"events": events, "date_from": from_, "funnel_window_days": 7})
            return [step["count"] for step in result]
        if query == "stickiness":
            data = self.insight("stickiness", {"events": [pageview]})[0]["data"]
            return [[days, round(count)] for days, count in enumerate(data, 1) if count]
        entity = {"target_entity": pageview, "returning_entity": pageview}
        rows = self.insight("retention", {"period": "Day", "total_intervals": 90, "date_to": "2026-06-29", **entity})
        return [[base, after, value["count"]] for base, row in enumerate(rows)
                for after, value in enumerate(row["values"]) if value["count"]]

    def pid(self):
        return self.process.pid

    def size(self) -> int:
        return folder_bytes(self.data)

    def close(self):
        self.process.terminate()
        self.process.wait()


class ClickHouse:
    """PostHog's shape: JSON text in a String, persons through the distinct-id table. Variant 1: `$browser` materialised too;
    variant 2: ClickHouse's JSON type, which takes the least room."""

    def __init__(self, folder: Path, variant: int):
        from chdb import session
        text = "JSONExtractString(properties, '$browser')"
        name, self.browser, self.properties, column = [
            ("JSON text", text, "String CODEC(ZSTD(3))", ""),
            ("$browser materialised", "mat_browser", "String CODEC(ZSTD(3))",
             f", mat_browser LowCardinality(String) MATERIALIZED {text}"),
            ("JSON type", "properties.`$browser`.:String", "JSON", ""),
        ][variant]
        self.name = f"clickhouse, {name}"
        self.folder = folder / f"clickhouse{variant}"
        self.session = session.Session(str(self.folder))
        self.run("CREATE DATABASE bench")
        self.run(f"""CREATE TABLE bench.events (uuid UUID, event LowCardinality(String), timestamp DateTime64(6, 'UTC'),
            team_id Int64, distinct_id String, properties {self.properties}{column}) ENGINE = MergeTree
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
            FROM file('{file}', 'JSONEachRow', 'uuid UUID, event String, timestamp String, distinct_id String, properties {self.properties.split()[0]}')
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
        elif query == "breakdown":
            sql = f"""WITH counts AS (SELECT toDate(timestamp) d, {self.browser} b, count() c FROM bench.events
                WHERE {where} GROUP BY d, b), top AS (SELECT b FROM counts GROUP BY b ORDER BY sum(c) DESC, b LIMIT 25)
                SELECT d, if(b IN top, b, 'other') v, sum(c) FROM counts GROUP BY d, v ORDER BY d, v"""
        else:
            sql = self.of_persons(query)
        rows = json.loads(self.run(sql).bytes())["data"]
        return summarise(query, rows)

    def of_persons(self, query: str) -> str:
        """windowFunnel takes 32 conditions: beyond that a fold over each person's events, the latest entrance of each level kept."""
        persons = """INNER JOIN (SELECT distinct_id, argMax(person_id, version) person_id FROM bench.person_distinct_id2
            WHERE team_id = 1 GROUP BY distinct_id) p ON e.distinct_id = p.distinct_id"""
        within = lambda since: f"team_id = 1 AND timestamp >= '{since}' AND timestamp < '{TO}'"
        micros = "toUnixTimestamp64Micro(timestamp)"
        if query == "funnel":
            conditions = ", ".join(f"event = '{name}'" for name in FUNNEL3)
            levels = f"""SELECT windowFunnel({WEEK * 10**6}, 'strict_increase')(toUInt64({micros}), {conditions}) level
                FROM bench.events e {persons} WHERE {within(FROM)} AND event IN {tuple(FUNNEL3)} GROUP BY person_id"""
        elif query == "funnel 50 steps":
            # Where an event serves several steps, the later one goes first, so that it cannot follow itself.
            places = "CAST((%s, %s), 'Map(String, Array(Int64))')" % (
                list(dict.fromkeys(FUNNEL50)),
                [[i for i in range(len(FUNNEL50), 0, -1) if FUNNEL50[i - 1] == name] for name in dict.fromkeys(FUNNEL50)])
            marks = f"arraySort(x -> (x.1, -x.2), groupArrayArray(arrayMap(s -> ({micros}, s), {places}[event])))"
            step = f"""arrayMap((a, before, i) -> if(i = x.2 AND before >= x.1 - {WEEK * 10**6}, before, a), acc,
                arrayPushFront(arrayPopBack(acc), x.1), range(1, {len(FUNNEL50) + 1}))"""
            start = f"arrayResize(emptyArrayInt64(), {len(FUNNEL50)}, toInt64(-1))"
            levels = f"""SELECT arrayCount(a -> a >= 0, arrayFold((acc, x) -> {step}, {marks}, {start})) level
                FROM bench.events e {persons} WHERE {within(FROM90)} GROUP BY person_id"""
        elif query == "stickiness":
            return f"""SELECT n, count() FROM (SELECT uniqExact(toDate(timestamp)) n FROM bench.events e {persons}
                WHERE {within(FROM)} AND event = '$pageview' GROUP BY person_id) GROUP BY n ORDER BY n"""
        else:
            return f"""SELECT x.1 base, x.2 after, count() FROM (SELECT arrayJoin(arrayFlatten(arrayMap(a -> arrayMap(b -> (a, b - a),
                arrayFilter(b -> b >= a, days)), days))) x FROM (SELECT groupUniqArray(toDate(timestamp) - toDate('{FROM90}')) days
                FROM bench.events e {persons} WHERE {within(FROM90)} AND event = '$pageview' GROUP BY person_id))
                GROUP BY base, after ORDER BY base, after"""
        return f"SELECT level, count() FROM ({levels}) WHERE level > 0 GROUP BY level ORDER BY level"

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
        elif query == "breakdown":
            sql = f"""WITH counts AS (SELECT timestamp::DATE d, {self.browser} b, count(*) c FROM events e WHERE {where} GROUP BY 1, 2),
                top AS (SELECT b FROM counts GROUP BY b ORDER BY sum(c) DESC, b LIMIT 25)
                SELECT d, CASE WHEN b IN (SELECT b FROM top) THEN b ELSE 'other' END v, sum(c) FROM counts GROUP BY 1, 2 ORDER BY 1, 2"""
        else:
            sql = self.of_persons(query)
        return summarise(query, self.db.execute(sql).fetchall())

    def of_persons(self, query: str) -> str:
        persons = """JOIN (SELECT distinct_id, arg_max(person_id, version) person_id FROM person_distinct_id2 WHERE team_id = 1
            GROUP BY 1) p USING (distinct_id)"""
        within = lambda since: f"e.team_id = 1 AND timestamp >= TIMESTAMP '{since}' AND timestamp < TIMESTAMP '{TO}'"
        if query == "stickiness":
            return f"""SELECT n, count(*) FROM (SELECT count(DISTINCT timestamp::DATE) n FROM events e {persons}
                WHERE {within(FROM)} AND event = '$pageview' GROUP BY person_id) GROUP BY 1 ORDER BY 1"""
        if query.startswith("retention"):
            return f"""WITH t AS (SELECT DISTINCT person_id, timestamp::DATE - DATE '{FROM90}' n FROM events e {persons}
                WHERE {within(FROM90)} AND event = '$pageview')
                SELECT a.n base, b.n - a.n after, count(*) FROM t a JOIN t b ON a.person_id = b.person_id AND b.n >= a.n GROUP BY 1, 2 ORDER BY 1, 2"""
        # One window a step: the latest entrance among those that reached the step before.
        steps, since = (FUNNEL3, FROM) if query == "funnel" else (FUNNEL50, FROM90)
        sql = f"""WITH l0 AS (SELECT person_id p, timestamp t, event, CASE WHEN event = '{steps[0]}' THEN timestamp END a0
            FROM events e {persons} WHERE {within(since)} AND event IN {tuple(dict.fromkeys(steps))})"""
        for k in range(1, len(steps)):
            sql += f""", w{k} AS (SELECT *, max(a{k - 1}) OVER (PARTITION BY p ORDER BY t RANGE BETWEEN UNBOUNDED PRECEDING
                AND INTERVAL 1 MICROSECOND PRECEDING) b{k} FROM l{k - 1}),
                l{k} AS (SELECT * EXCLUDE (b{k}), CASE WHEN event = '{steps[k]}' AND t - b{k} <= INTERVAL {WEEK} SECOND THEN b{k} END a{k} FROM w{k})"""
        reached = " ".join(f"WHEN count(a{k}) > 0 THEN {k + 1}" for k in reversed(range(len(steps))))
        return sql + f""" SELECT level, count(*) FROM (SELECT CASE {reached} ELSE 0 END level FROM l{len(steps) - 1} GROUP BY p)
            WHERE level > 0 GROUP BY 1 ORDER BY 1"""

    def size(self) -> int:
        return self.file.stat().st_size

    def close(self):
        self.db.close()


def summarise(query: str, rows) -> list:
    if query in ("total", "dau"):
        return [int(row[1]) for row in rows]
    if query in ("stickiness", "retention 90 x 90"):
        return [[int(value) for value in row] for row in rows]
    if query.startswith("funnel"):
        steps = FUNNEL3 if query == "funnel" else FUNNEL50
        return [sum(int(count) for level, count in rows if int(level) >= k) for k in range(1, len(steps) + 1)]
    counts = {}
    for _, value, count in rows:
        counts[value] = counts.get(value, 0) + int(count)
    return sorted([value, count] for value, count in counts.items())


def peer(kind: str, variant: int, file: Path, folder: Path, rounds: int, pipe_in, pipe_out):
    """A peer in a process of its own, so that its memory is its own: reads commands, writes JSON lines."""
    engine = ClickHouse(folder, variant) if kind == "clickhouse" else DuckDB(folder, bool(variant))
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
    def __init__(self, kind: str, variant: int, file: Path, folder: Path):
        self.process = subprocess.Popen(
            [sys.executable, __file__, "--peer", kind, "--variant", str(variant), "--file", file, "--folder", folder],
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
    ap.add_argument("--queries", default=",".join(QUERIES), help="comma-separated, of: " + ", ".join(QUERIES))
    ap.add_argument("--peers", default="clickhouse:0,clickhouse:1,duckdb:0,duckdb:1", help="kind:variant, comma-separated")
    ap.add_argument("--patience", type=float, default=20, help="seconds after which an engine is asked a query only once")
    ap.add_argument("--peer"), ap.add_argument("--variant", type=int), ap.add_argument("--file", type=Path), ap.add_argument("--folder", type=Path)
    args = ap.parse_args()
    if args.peer:
        return peer(args.peer, args.variant, args.file, args.folder, args.rounds, sys.stdin, sys.stdout)

    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    binary = args.binary or target / "release" / "granary"
    scratch = Path(tempfile.mkdtemp(prefix="granary-bench-"))
    data = (args.keep or scratch / "data") / str(args.rows)
    if not (data / "events.ndjson").exists():
        subprocess.run([sys.executable, ROOT / "tests/bench/generate.py", "--rows", str(args.rows), "--ndjson", str(args.rows),
                        "--out", data], check=True)
    queries = args.queries.split(",")
    table = {}
    try:
        granary = Granary(binary, scratch)
        took = granary.load(data / "events.ndjson")
        loaded = resident_mib(granary.pid())
        granary.settle()
        table["granary"] = {"load": took, "bytes": granary.size(), "loaded_mib": loaded}
        peers = {}
        for kind, variant in (peer.split(":") for peer in args.peers.split(",")):
            one = Peer(kind, int(variant), data / "events.ndjson", scratch)
            out = one.call("load")
            peers[out["name"]] = one
            table[out["name"]] = {"load": out["seconds"], "bytes": out["bytes"]}
        for query in queries:
            times = {name: [] for name in table}
            for _ in range(args.rounds):
                start = time.perf_counter()
                wanted = granary.ask(query)
                times["granary"].append(time.perf_counter() - start)
                table["granary"]["mib"] = max(table["granary"].get("mib", 0), resident_mib(granary.pid()))
                for name, one in peers.items():
                    if times[name] and times[name][-1] > args.patience:
                        continue
                    out = one.call("ask", query)
                    times[name].append(out["seconds"])
                    table[name]["mib"] = out["mib"]
                    if json.dumps(out["answer"]) != json.dumps(wanted):
                        sys.exit(f"{name} answers {query} otherwise:\n{out['answer']}\n{wanted}")
            for name, list_ in times.items():
                table[name][query] = statistics.median(list_)
            print(query, {name: round(row[query] * 1e3, 1) for name, row in table.items()}, flush=True)
        for one in peers.values():
            one.close()
        granary.close()
    finally:
        shutil.rmtree(scratch, ignore_errors=True)

    print(f"\nGranary held {table['granary']['loaded_mib']:.0f} MiB at the end of the load; below is memory after the queries.")
    heads = [f"{query} ms" for query in queries]
    print("\n| | load s | rows/s | bytes/event | memory MiB | " + " | ".join(heads) + " |")
    print("|---|--:|--:|--:|--:|" + "--:|" * len(queries))
    for name, row in table.items():
        figures = " | ".join(f"{row[query] * 1e3:.1f}" for query in queries)
        print(f"| {name} | {row['load']:.1f} | {args.rows / row['load']:,.0f} | {row['bytes'] / args.rows:.1f} | {row['mib']:.0f} | {figures} |")
    ours = table["granary"]
    print("\nRatio to Granary (above 1: Granary is better)")
    print("\n| | rows/s | bytes/event | " + " | ".join(queries) + " |\n|---|--:|--:|" + "--:|" * len(queries))
    for name, row in table.items():
        if name != "granary":
            ratios = " | ".join(f"{row[query] / ours[query]:.2f}" for query in queries)
            print(f"| {name} | {row['load'] / ours['load']:.2f} | {row['bytes'] / ours['bytes']:.2f} | {ratios} |")


if __name__ == "__main__":
    main()
