"""What the tests of the openff room share: a small QCArchive to ask."""

import json
import lzma
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

DATA = Path(__file__).parent / "data"


@pytest.fixture
def view(tmp_path):
    """Function: name of a data set → path of its view file."""

    def unpacked(name: str) -> Path:
        path = tmp_path / f"{name}.sqlite"
        path.write_bytes(lzma.decompress((DATA / f"{name}.sqlite.xz").read_bytes()))
        return path

    return unpacked


def question(method: str, path: str, body) -> str:
    """One text for one question, in whatever order its names stand."""

    def sorted_lists(value):
        if isinstance(value, dict):
            return {key: sorted_lists(item) for key, item in value.items()}
        return sorted(value, key=str) if isinstance(value, list) else value

    return json.dumps([method, path, sorted_lists(body)], sort_keys=True)


@pytest.fixture(scope="session")
def answers() -> dict:
    """Question → (status, answer) of a real QCFractal server; see data/README.md."""
    lines = lzma.decompress((DATA / "answers.jsonl.xz").read_bytes()).decode().splitlines()
    known = [json.loads(line) for line in lines]
    return {question(a["method"], a["path"], a["body"]): (a["status"], a["answer"]) for a in known}


@pytest.fixture
def qcarchive(answers):
    """A server on this machine that gives the recorded answers.

    address: its URL      asked: what it was asked      silent: set it, and nobody is answered
    """
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    server.answers, server.asked, server.silent = answers, [], False
    server.address = f"http://127.0.0.1:{server.server_port}/"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        if self.server.silent:
            self.close_connection = True
            return
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        asked = question(self.command, self.path, body)
        self.server.asked.append(asked)
        unknown = (404, {"msg": f"no answer was recorded to {asked}"})
        status, value = self.server.answers.get(asked, unknown)
        content = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = answer

    def log_message(self, *_):
        pass
