"""Entries in registries of models, in servers that answer as the documents of their REST interfaces say."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from steps.register import run
from steps.say import StepFailed

DEPLOYMENT = {
    "store": "s3://models/tiny",
    "release": "1.0.0",
    "manifest_sha256": "m" * 64,
    "lineage_sha256": "l" * 64,
}
LINEAGE = {"specDigest": "s" * 64, "engine": {"digest": "e" * 64}, "image": "triton:1", "builtOn": "nvidia-l4"}
SOURCE = "s3://models/tiny/releases/1.0.0"


class Registry:
    """Answers as a registry does, and keeps what it was told."""

    def __init__(self, answer):
        self.posts = []
        registry = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self.reply(*answer(registry, self.path, None))

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                registry.posts.append((self.path, body))
                self.reply(*answer(registry, self.path, body))

            def reply(self, status, body):
                data = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def told(self, path):
        return [body for each, body in self.posts if each.endswith(path)]


def mlflow(registry, path, body):
    """MLflow's registered-models and model-versions, of the REST API 2.0."""
    if path.endswith("registered-models/create"):
        if len(registry.told("registered-models/create")) > 1:
            return 400, {"error_code": "RESOURCE_ALREADY_EXISTS", "message": "there already"}
        return 200, {"registered_model": {"name": body["name"]}}
    versions = registry.told("model-versions/create")
    if body is None:
        assert parse_qs(urlsplit(path).query) == {"filter": ["name='tiny'"]}
        return 200, {
            "model_versions": [{"version": str(n), "source": each["source"]} for n, each in enumerate(versions, 1)]
        }
    return 200, {"model_version": {"name": body["name"], "version": str(len(versions))}}


def kubeflow(registry, path, body):
    """Kubeflow Model Registry's v1alpha3: an entry is found by its name, and 404 where there is none."""
    kinds = {"registered_model": "registered_models", "model_version": "model_versions"}
    kind = urlsplit(path).path.rpartition("/")[2]
    if body is not None:
        return 201, {"id": "7", **body}
    if kind in kinds:
        found = registry.told(kinds[kind])
        return (200, {"id": "7", **found[0]}) if found else (404, {"code": "", "message": "no such"})
    return 200, {"items": registry.told("artifacts"), "size": 0}


@pytest.fixture
def serve():
    started = []

    def start(answer):
        started.append(Registry(answer))
        return started[-1]

    yield start
    for registry in started:
        registry.server.shutdown()


def section(kind, url):
    return {"kind": kind, "url": url, "model": "tiny", "store": "s3://models/tiny"}


def test_mlflow_has_a_version_with_what_it_was_made_from(serve):
    registry = serve(mlflow)
    assert run(section("mlflow", registry.url), DEPLOYMENT, LINEAGE) == "tiny version 1"
    (version,) = registry.told("model-versions/create")
    assert (version["name"], version["source"]) == ("tiny", SOURCE)
    tags = {tag["key"]: tag["value"] for tag in version["tags"]}
    assert (tags["lineage_sha256"], tags["engine_sha256"], tags["release"]) == ("l" * 64, "e" * 64, "1.0.0")


def test_kubeflow_has_a_version_and_its_artifact(serve):
    registry = serve(kubeflow)
    assert run(section("kubeflow", registry.url), DEPLOYMENT, LINEAGE) == "tiny 1.0.0"
    (version,) = registry.told("model_versions")
    assert (version["name"], version["registeredModelId"]) == ("1.0.0", "7")
    assert version["customProperties"]["manifest_sha256"]["string_value"] == "m" * 64
    (artifact,) = registry.told("model_versions/7/artifacts")
    assert artifact["uri"] == SOURCE


@pytest.mark.parametrize(("kind", "answer"), [("mlflow", mlflow), ("kubeflow", kubeflow)])
def test_a_second_try_adds_nothing(serve, kind, answer):
    registry = serve(answer)
    first = run(section(kind, registry.url), DEPLOYMENT, LINEAGE)
    assert run(section(kind, registry.url), DEPLOYMENT, LINEAGE) == first
    assert len(registry.told("model-versions/create") + registry.told("model_versions")) == 1
    assert len(registry.told("artifacts")) <= 1


def test_what_a_registry_refuses_is_told(serve):
    registry = serve(lambda *_: (403, {"message": "not allowed"}))
    with pytest.raises(StepFailed, match=r"answers 403: .*not allowed"):
        run(section("kubeflow", registry.url), DEPLOYMENT, LINEAGE)
    with pytest.raises(StepFailed, match="INVALID_PARAMETER_VALUE"):
        run(
            section("mlflow", serve(lambda *_: (400, {"error_code": "INVALID_PARAMETER_VALUE"})).url),
            DEPLOYMENT,
            LINEAGE,
        )


def test_one_that_is_not_there_is_told():
    with pytest.raises(StepFailed, match="does not answer"):
        run(section("mlflow", "http://127.0.0.1:9"), DEPLOYMENT, LINEAGE)
