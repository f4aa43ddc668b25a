"""As much of Weights & Biases' server as one run needs: GraphQL, the stream of its files, uploads.

What it answers was read off what wandb 0.31 asks. It keeps runs as the real one does: history by line, a summary, a
state; a run that is there is given back to who resumes it.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


@dataclass
class Kept:
    """What the server knows of a run."""

    upserts: list[dict[str, Any]] = field(default_factory=list)
    history: list[dict[str, Any]] = field(default_factory=list)
    exit_code: int | None = None


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.runs: dict[str, Kept] = {}
        self.asked: list[str] = []
        self.refuse = 0

    def handle_error(self, *_: object) -> None:
        """A client that is gone is no news."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def answer(self, name: str, given: dict[str, Any]) -> Any:
        """The data of a GraphQL operation."""
        self.asked.append(name)
        run = self.runs.get(given.get("name") or "")
        project = {"id": "p1", "name": given.get("project"), "entity": {"id": "e1", "name": "me"}}
        match name:
            case "UpsertBucket":
                inserted = run is None
                run = self.runs.setdefault(given["name"], Kept())
                run.upserts.append(given)
                bucket = {"id": "b1", "name": given["name"], "displayName": given.get("displayName")}
                bucket |= {"description": None, "config": "{}", "sweepName": None, "project": project}
                return {
                    "upsertBucket": {
                        "bucket": bucket | {"historyLineCount": len(run.history)},
                        "inserted": inserted,
                    }
                }
            case "RunResumeStatus":
                return {
                    "model": {**project, "bucket": None if run is None else self._bucket(given["name"], run)}
                }
            case "CreateRunFiles":
                files = [{"name": file, "uploadUrl": f"{self.url}/upload/{file}"} for file in given["files"]]
                return {"createRunFiles": {"runID": "b1", "uploadHeaders": [], "files": files}}
        return {}

    def _bucket(self, name: str, run: Kept) -> dict[str, Any]:
        last = run.history[-1] if run.history else {}
        tail = json.dumps([json.dumps(last)] if last else [])
        return {
            "id": "b1", "name": name, "displayName": name, "config": "{}", "tags": [], "notes": None,
            "summaryMetrics": json.dumps(last), "historyTail": tail, "eventsTail": "[]",
            "logLineCount": 0, "historyLineCount": len(run.history), "eventsLineCount": 0, "wandbConfig": '{"t": {}}',
        }  # fmt: skip

    def stream(self, name: str, told: dict[str, Any]) -> None:
        """Lines of a run's files, each from an offset on."""
        lines = told.get("files", {}).get("wandb-history.jsonl")
        run = self.runs[name]
        if lines:
            run.history[lines["offset"] :] = [json.loads(line) for line in lines["content"]]
        if told.get("complete"):
            run.exit_code = told.get("exitcode")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_POST(self) -> None:
        body = self._body()
        if self.server.refuse:
            self.server.refuse -= 1
            self._send(503, {"error": "come again"})
        elif self.path == "/graphql":
            asked = json.loads(body)
            name = re.search(r"(?:query|mutation)\s+(\w+)", asked["query"])
            assert name
            self._send(200, {"data": self.server.answer(name[1], asked.get("variables") or {})})
        elif found := re.fullmatch(r"/files/me/[^/]+/([^/]+)/file_stream", self.path):
            self.server.stream(found[1], json.loads(body))
            self._send(200, {"exitcode": None, "limits": {}})
        else:
            self._send(200, {})

    def do_PUT(self) -> None:
        self._body()
        self._send(200, {})

    def _body(self) -> bytes:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        return gzip.decompress(body) if self.headers.get("content-encoding") == "gzip" else body

    def _send(self, status: int, content: Any) -> None:
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving() -> Iterator[Server]:
    """A server on a port of its own."""
    server = Server()
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
