"""Brings a published release into servers, and the one before it back."""

import json
import os
import time
import urllib.request
from urllib.parse import urlsplit

from steps.manifest import manifest_key, parse_manifest
from steps.publish import current, promote
from steps.say import StepFailed, say, warn
from steps.store import Store
from steps.triton import LOAD_KEY_VARIABLE, Server, error_of, servers_of

# Says what is being rolled out, from before servers can see it until the smoke test has passed.
ROLLOUT_KEY = "rollout"
PAUSE_SECONDS = 1.0
# How often a server's watch looks for a new release (constructs/triton-options.ts).
LOOK_SECONDS = 60


class Refused(StepFailed):
    """A server that does not take a release."""


def begin(store: Store, run: str, release: str) -> dict:
    """Notes that a release is being rolled out, and which one has to come back where that fails."""
    before = current(store)
    record = {"run": run, "release": release, "previous": before[0] if before else None}
    found = json.loads(store.write_once(ROLLOUT_KEY, json.dumps(record)))
    if found["run"] == run:
        return found
    raise StepFailed(
        f"run {found['run']} is rolling out release {found['release']} at {store.uri}. Where that run has ended "
        f"without cleaning up, remove {store.uri}/{ROLLOUT_KEY}"
    )


def end(store: Store) -> None:
    store.remove(ROLLOUT_KEY)


def record_of(store: Store) -> dict | None:
    text = store.read(ROLLOUT_KEY)
    return None if text is None else json.loads(text)


def roll_out(section: dict, release: str) -> None:
    """Waits until every server serves a release that is promoted. Raises Refused with the server's words."""
    promoted = time.time()
    servers = servers_of(section["servers"])
    if not servers:
        raise StepFailed("no server is named: nothing can load the release")
    for server in servers:
        wait_served(server, section, release, promoted)
        say(f"{server.url} serves {section['model']} of release {release}")


def wait_served(server: Server, section: dict, release: str, promoted: float) -> None:
    model = section["model"]
    patience = section["loadSeconds"] + LOOK_SECONDS + section.get("fetchSeconds", 0)
    deadline = time.monotonic() + patience
    watch = Watch(server, section.get("syncMetrics"), promoted)
    closed = ""
    asked = False
    while True:
        if server.served_release(model) == release and server.ready(model):
            return
        # However slowly it answers, it is asked once.
        if asked and time.monotonic() > deadline:
            raise Refused(
                f"{server.url} does not serve release {release} after {patience:.0f} s, but "
                f"{server.served_release(model) or 'no release that says its name'}: see the log of its sync{closed}"
            )
        if watch.rejected():
            raise Refused(f"{server.url} did not load {model} of release {release}: its watch went back. See its log")
        reply = server.load(model, left(deadline))
        asked = True
        if reply.status == 403 and not closed:
            closed = f"\n{why_closed(server)}"
            say(why_closed(server))
        elif reply.status not in (200, 403, 0):
            raise Refused(f"{server.url} refuses to load {model} of release {release}: {error_of(reply)}")
        time.sleep(PAUSE_SECONDS)


def left(deadline: float) -> float:
    """Seconds that a call may take: a little longer than to the deadline, which may be over already."""
    return max(0.0, deadline - time.monotonic()) + 1


def why_closed(server: Server) -> str:
    if LOAD_KEY_VARIABLE in os.environ:
        return (
            f"{server.url} refuses this step's key (403): --load-key has to name the Secret that the server's "
            "control.key names. Until then its own watch alone can load (watch: true)"
        )
    return (
        f"{server.url} closes its load API to this step, which has no key (403): its own watch has to load "
        "(watch: true), or compile the pipeline with --load-key NAME/ENTRY, the Secret of the server's control.key"
    )


class Watch:
    """What the metrics of a server's sync say, where they are known: whether it has put the last release back."""

    def __init__(self, server: Server, metrics: dict | None, promoted: float):
        host = urlsplit(server.url).hostname
        self.url = f"http://{host}:{metrics['port']}{metrics['path']}" if metrics else None
        self.promoted = promoted
        self.seen: set[float] = set()

    def rejected(self) -> bool:
        """Whether two looks after the promotion have left the release alone: the first may have begun before it."""
        values = self.values()
        ran = values.get("model_sync_last_run_timestamp_seconds", 0.0)
        if ran > self.promoted and values.get('model_sync_result{result="rejected"}') == 1.0:
            self.seen.add(ran)
        return len(self.seen) > 1

    def values(self) -> dict[str, float]:
        if self.url is None:
            return {}
        try:
            with urllib.request.urlopen(self.url, timeout=5) as answer:
                lines = answer.read().decode().splitlines()
        except OSError:
            return {}
        pairs = [line.rpartition(" ") for line in lines if line and not line.startswith("#")]
        return {name: float(value) for name, _, value in pairs}


def put_back(store: Store, section: dict, record: dict) -> None:
    """Has the release served again that was before a rollout."""
    previous, failed = record["previous"], record["release"]
    if previous is None:
        warn(f"there was no release before {failed}: servers that have taken it keep it, and `current` names it")
        end(store)
        return
    manifest = store.read(manifest_key(previous))
    if manifest is None or parse_manifest(manifest) is None:
        raise StepFailed(f"release {previous} can't be put back: {store.uri} has no whole manifest of it")
    promote(store, manifest)
    for server in servers_of(section["servers"]):
        wait_left(server, section, failed)
        say(f"{server.url} serves {section['model']} of release {server.served_release(section['model']) or previous}")
    end(store)
    say(f"release {previous} is served again")


def wait_left(server: Server, section: dict, failed: str) -> None:
    """Until a server serves something that is not the failed release. Older releases do not say their name."""
    model = section["model"]
    deadline = time.monotonic() + section["loadSeconds"] + LOOK_SECONDS + section.get("fetchSeconds", 0)
    while not (server.ready(model) and server.served_release(model) != failed):
        if time.monotonic() > deadline:
            raise StepFailed(f"{server.url} does not serve {model} of the release before {failed}: look at the server")
        server.load(model, left(deadline))
        time.sleep(PAUSE_SECONDS)
