"""Checkpoints of the Hugging Face Hub, by its own client, from a server that stands in for the Hub."""

import hashlib
import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

COMMIT = "a" * 40
TOKEN = "token-of-a-reader"
FILES = {
    "config.json": b"{}",
    "tokenizer.json": b"{}",
    "model.safetensors": b"weights",
    "original/consolidated.00.pth": b"the same weights",
}
FETCH = """
import json, sys
from pathlib import Path
from steps.fetch import run
from steps.say import StepFailed
try:
    print(json.dumps(run({}, sys.argv[1], Path(sys.argv[2]))))
except StepFailed as error:
    print(f"StepFailed: {error}")
"""


class Hub(BaseHTTPRequestHandler):
    """`org/open` is for everyone, `org/gated` for who has the token."""

    def do_HEAD(self):
        self.answer(False)

    def do_GET(self):
        self.answer(True)

    def answer(self, with_body):
        model = "org/gated" if "org/gated" in self.path else "org/open"
        status, headers, body = 200, {"X-Repo-Commit": COMMIT}, b""
        if model == "org/gated" and self.headers.get("Authorization") != f"Bearer {TOKEN}":
            status, headers = 401, {"X-Error-Code": "GatedRepo", "X-Error-Message": "Access to it is restricted"}
        elif self.path.startswith(f"/api/models/{model}"):
            siblings = [{"rfilename": name} for name in FILES]
            body = json.dumps({"id": model, "sha": COMMIT, "siblings": siblings}).encode()
        else:
            body = FILES[self.path.partition(f"/resolve/{COMMIT}/")[2]]
            headers["ETag"] = f'"{hashlib.sha1(body).hexdigest()}"'
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def hub():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def fetched(hub, folder, uri, **more):
    """A process of its own: the client reads its variables once."""
    home = folder / "home"
    home.mkdir(exist_ok=True)
    steps = str(Path(__file__).parents[3] / "pipelines")
    # The client gives up after ten seconds otherwise.
    patience = {"HF_HUB_ETAG_TIMEOUT": "120", "HF_HUB_DOWNLOAD_TIMEOUT": "120"}
    env = {"PATH": os.environ["PATH"], "HOME": str(home), "HF_ENDPOINT": hub, "PYTHONPATH": steps, **patience, **more}
    command = [sys.executable, "-B", "-c", FETCH, uri, str(folder / "checkpoint")]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=600, check=True).stdout


def test_one_commit_is_fetched_without_other_formats_and_the_same_each_time(hub, tmp_path):
    (tmp_path / "again").mkdir()
    one = fetched(hub, tmp_path, f"hf://org/open@{COMMIT}")
    two = fetched(hub, tmp_path / "again", f"hf://org/open@{COMMIT}")
    assert one == two
    folder = tmp_path / "checkpoint"
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert names == {"config.json", "tokenizer.json", "model.safetensors"}


def test_a_gated_one_needs_a_token(hub, tmp_path):
    said = fetched(hub, tmp_path, f"hf://org/gated@{COMMIT}")
    assert "StepFailed: hf://org/gated@aaaa" in said
    assert "--hub-secret NAME: a Secret whose entry HF_TOKEN" in said
    assert "sha256" in fetched(hub, tmp_path, f"hf://org/gated@{COMMIT}", HF_TOKEN=TOKEN)


def test_a_branch_is_refused(hub, tmp_path):
    assert "StepFailed: hf://org/open@main names no commit" in fetched(hub, tmp_path, "hf://org/open@main")
