"""Triton's HTTP interface, as the steps use it."""

import http.client
import json
import os
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

# The header of the key that closes the load API (constructs/triton-options.ts).
LOAD_KEY_HEADER = "triton-load-key"
LOAD_KEY_VARIABLE = "TRITON_LOAD_KEY"
# The parameter of config.pbtxt that says which release is served. Backends look for those that they know alone.
RELEASE_PARAMETER = "triton_stack_release"
CALL_SECONDS = 30


@dataclass(frozen=True)
class Reply:
    # 0 where nothing answered.
    status: int
    text: str


class Server:
    """One tritonserver."""

    def __init__(self, url: str):
        self.url = url.rstrip("/")

    def call(self, path: str, body: dict | None = None, seconds: float = CALL_SECONDS) -> Reply:
        """POST with a body, GET without."""
        headers = {"Content-Type": "application/json", "Connection": "close"}
        if key := os.environ.get(LOAD_KEY_VARIABLE):
            headers[LOAD_KEY_HEADER] = key
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}{path}", data=data, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=seconds) as answer:
                return Reply(answer.status, answer.read().decode())
        except urllib.error.HTTPError as error:
            return Reply(error.code, error.read().decode(errors="replace"))
        except (OSError, http.client.HTTPException) as error:
            return Reply(0, str(error))

    def load(self, model: str, seconds: float) -> Reply:
        return self.call(f"/v2/repository/models/{model}/load", {}, seconds)

    def ready(self, model: str) -> bool:
        return self.call(f"/v2/models/{model}/ready").status == 200

    def served_release(self, model: str) -> str | None:
        """Which release of a model answers: None where the model is not there or does not say."""
        reply = self.call(f"/v2/models/{model}/config")
        if reply.status != 200:
            return None
        parameters = json.loads(reply.text).get("parameters", {})
        return parameters.get(RELEASE_PARAMETER, {}).get("string_value")

    def stream(self, model: str, request: dict, seconds: float) -> Iterator[dict]:
        """The events of /generate_stream. Ending it early closes the connection, which cancels the request."""
        address = urlsplit(self.url)
        kind = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
        connection = kind(address.hostname, address.port, timeout=seconds)
        deadline = time.monotonic() + seconds
        try:
            headers = {"Content-Type": "application/json"}
            connection.request("POST", f"/v2/models/{model}/generate_stream", json.dumps(request), headers)
            answer = connection.getresponse()
            if answer.status != 200:
                yield {"error": f"{answer.status} {answer.read(500).decode(errors='replace').strip()}"}
                return
            while line := answer.readline():
                if line.startswith(b"data: "):
                    yield json.loads(line[len(b"data: ") :])
                if time.monotonic() > deadline:
                    yield {"error": f"not answered within {seconds:.0f} s"}
                    return
        except (OSError, http.client.HTTPException, ValueError) as error:
            yield {"error": str(error) or type(error).__name__}
        finally:
            connection.close()


def error_of(reply: Reply) -> str:
    """The server's words."""
    try:
        return str(json.loads(reply.text)["error"])
    except (ValueError, KeyError, TypeError):
        return reply.text.strip() or f"status {reply.status}"


def servers_of(urls: list[str]) -> list[Server]:
    """Every server that the addresses stand for: a headless Service's name has the addresses of all its pods."""
    found: dict[str, Server] = {}
    for url in urls:
        address = urlsplit(url)
        port = address.port or (443 if address.scheme == "https" else 80)
        try:
            infos = socket.getaddrinfo(address.hostname, port, type=socket.SOCK_STREAM)
        except OSError:
            infos = []
        # A certificate is for the name.
        hosts = sorted({info[4][0] for info in infos}) if address.scheme == "http" else []
        for host in hosts or [address.hostname or ""]:
            shown = f"[{host}]" if ":" in host else host
            server = Server(f"{address.scheme}://{shown}:{port}")
            found[server.url] = server
    return list(found.values())
