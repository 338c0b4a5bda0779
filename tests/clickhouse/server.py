"""ClickHouse's HTTP interface in front of chdb (ClickHouse in process), for tests.

    server.py [--port N]      prints "listening on PORT" when ready, serves until killed

Takes what the product sends: GET or POST with `query` (the body is appended), `database`, `default_format`, `param_*`,
settings, `query_id`; gzip bodies. Queries run one at a time: chdb has one session a process.
"""

import argparse
import gzip
import re
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from chdb import session

# Settings that only make sense with a real server, or that chdb lacks; the product may send them.
IGNORED = {"async_insert", "wait_for_async_insert", "query_id", "user", "password", "session_id", "quota_key",
           "wait_end_of_query", "cancel_http_readonly_queries_on_client_close", "insert_deduplication_token"}
NOT_SETTINGS = {"query", "database", "default_format"}
ERROR_CODE = re.compile(r"Code: (\d+)")


class Backend:
    """The one session, its lock, and the deduplication tokens seen (chdb has no replicated tables to keep them)."""

    def __init__(self):
        self.lock = threading.Lock()
        self.folder = tempfile.TemporaryDirectory(prefix="granary-chdb-")
        self.session = session.Session(self.folder.name)
        self.tokens = set()

    def run(self, sql: str, params: dict) -> bytes:
        with self.lock:
            token = params.get("insert_deduplication_token")
            if token:
                key = (params.get("database"), token)
                if key in self.tokens:
                    return b""
            try:
                # The session outlives the request: what an earlier one set is set back first.
                self.session.query(f"USE {quote_name(params.get('database') or 'default')}")
                for name, value in params.items():
                    if name.startswith("param_"):
                        self.session.query(f"SET {name} = {quote_text(value)}")
                settings = {k: v for k, v in params.items()
                            if k not in NOT_SETTINGS and k not in IGNORED and not k.startswith("param_")}
                for name, value in settings.items():
                    self.session.query(f"SET {quote_name(name)} = {quote_text(value)}")
                result = self.session.query(sql, params.get("default_format") or "TabSeparated")
                out = result.bytes()
            except Exception:
                # What a failed query had not sent yet would be the beginning of the next answer.
                try:
                    self.session.query("SELECT 1")
                except Exception:
                    pass
                raise
            if token:
                self.tokens.add(key)
            return out or b""


def quote_text(text: str) -> str:
    # The value of a parameter is itself in escaped form; the literal around it needs a second escaping.
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def quote_name(name: str) -> str:
    return "`" + name.replace("`", "\\`") + "`"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    backend: Backend

    def log_message(self, *_):
        pass

    def do_GET(self):
        if urlsplit(self.path).path == "/ping":
            return self.answer(200, b"Ok.\n")
        self.handle_query()

    def do_POST(self):
        self.handle_query()

    def handle_query(self):
        params = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        sql = "\n".join(part for part in (params.get("query", ""), body.decode("utf-8")) if part)
        try:
            out = self.backend.run(sql, params)
        except Exception as error:
            text = str(error)
            code = ERROR_CODE.search(text)
            return self.answer(500 if code is None or code[1] != "62" else 400, text.encode(),
                               {"X-ClickHouse-Exception-Code": code[1] if code else "1002"})
        self.answer(200, out)

    def answer(self, status: int, body: bytes, headers: dict | None = None):
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--port", type=int, default=0)
    args = ap.parse_args()
    Handler.backend = Backend()
    server = ThreadingHTTPServer(("127.0.0.1", args.port), Handler)
    server.daemon_threads = True
    print(f"listening on {server.server_address[1]}", flush=True)
    # The parent keeps our standard input open: its end means that the parent is gone.
    threading.Thread(target=lambda: (sys.stdin.read(), server.shutdown()), daemon=True).start()
    server.serve_forever()


if __name__ == "__main__":
    main()
