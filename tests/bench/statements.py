"""The statements of a file on ClickHouse (chdb), and what they ask on DuckDB, beside `crates/engine/examples/measure.rs`.

    tests/bench/statements.py EVENTS.ndjson tests/bench/insights.sql [ROUNDS]

Loads event, time and distinct id of each line, without properties. Prints for each statement the median of the rounds and the
time on processors, both in ms, which other work on the machine disturbs less.
"""

import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

import bench

FIELDS = "event String, timestamp String, distinct_id String"


class Timer:
    def __init__(self, rounds: int):
        self.rounds = rounds

    def __call__(self, name: str, ask):
        ask()
        times, before = [], time.process_time()
        for _ in range(self.rounds):
            start = time.perf_counter()
            rows = ask()
            times.append((time.perf_counter() - start) * 1e3)
        spent = (time.process_time() - before) / self.rounds * 1e3
        print(f"{name:45} {statistics.median(times):9.1f} ms {spent:9.1f} ms of processors {rows:7} rows", flush=True)


def clickhouse(file: Path, statements, timer: Timer, folder: Path):
    from chdb import session
    db = session.Session(str(folder))
    db.query("CREATE DATABASE bench")
    db.query("""CREATE TABLE bench.events (event LowCardinality(String), timestamp DateTime64(6, 'UTC'), team_id Int64,
        distinct_id String) ENGINE = MergeTree PARTITION BY toYYYYMM(timestamp)
        ORDER BY (team_id, toDate(timestamp), event, cityHash64(distinct_id))""")
    db.query("""CREATE TABLE bench.person_distinct_id2 (team_id Int64, distinct_id String, person_id UUID, is_deleted Int8,
        version UInt64) ENGINE = ReplacingMergeTree(version) ORDER BY (team_id, distinct_id)""")
    db.query(f"""INSERT INTO bench.events SELECT event, parseDateTime64BestEffort(timestamp, 6, 'UTC'), 1, distinct_id
        FROM file('{file}', 'JSONEachRow', '{FIELDS}') SETTINGS input_format_skip_unknown_fields = 1""")
    db.query("""INSERT INTO bench.person_distinct_id2 SELECT team_id, distinct_id, generateUUIDv4(distinct_id), 0, 0
        FROM (SELECT DISTINCT team_id, distinct_id FROM bench.events)""")
    db.query("OPTIMIZE TABLE bench.events FINAL")
    db.query("USE bench")

    def ask(sql: str) -> int:
        return json.loads(db.query(sql, "JSONCompact").bytes())["rows"]

    for name, sql in statements:
        timer(f"clickhouse: {name}", lambda sql=sql: ask(sql))
    db.close()


def duckdb(file: Path, timer: Timer, folder: Path):
    one = bench.DuckDB(folder, False)
    one.db.execute(f"""CREATE TABLE events AS SELECT 1::BIGINT AS team_id, * FROM read_json('{file}', format='newline_delimited',
        columns={{event: 'VARCHAR', timestamp: 'TIMESTAMP', distinct_id: 'VARCHAR'}})""")
    one.db.execute("""CREATE TABLE person_distinct_id2 AS SELECT team_id, distinct_id, gen_random_uuid() AS person_id, 0 AS version
        FROM (SELECT DISTINCT team_id, distinct_id FROM events)""")
    one.db.execute("CHECKPOINT")
    for query in ["total", "dau", "stickiness", "retention 90 x 90", "funnel"]:
        timer(f"duckdb: {query}", lambda query=query: len(one.ask(query)))


def main():
    file, sql = Path(sys.argv[1]).resolve(), Path(sys.argv[2])
    timer = Timer(int(sys.argv[3]) if len(sys.argv) > 3 else 5)
    statements = []
    for line in sql.read_text().splitlines():
        if line.startswith("-- "):
            statements.append([line[3:].strip(), ""])
        else:
            statements[-1][1] += line + "\n"
    statements = [(name, text) for name, text in statements if "uuid" not in name]
    with tempfile.TemporaryDirectory(prefix="granary-bench-") as scratch:
        clickhouse(file, statements, timer, Path(scratch) / "ch")
        duckdb(file, timer, Path(scratch))


if __name__ == "__main__":
    main()
