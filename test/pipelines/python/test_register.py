"""Entries in registries of models. The registries are stand-ins: no real one is asked here."""

import inspect
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
from mr_openapi import (
    Artifact,
    ModelRegistryServiceApi,
    ModelVersion,
    ModelVersionCreate,
    RegisteredModel,
    RegisteredModelCreate,
)

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


def known_to(client):
    """What a generated client sends: method and path of each operation, and the names in its query."""
    found = {}
    for name, function in vars(client).items():
        if not name.endswith("_serialize"):
            continue
        source = inspect.getsource(function)
        method, path = re.search(r'method="(\w+)",\s+resource_path="([^"]+)"', source).groups()
        path = re.compile(re.sub(r"\\{\w+\\}", r"[^/]+", re.escape(path)))
        found[name] = (method, path, set(re.findall(r'_query_params\.append\(\("(\w+)"', source)))
    return found


OPERATIONS = known_to(ModelRegistryServiceApi)
SENT = {"registered_models": RegisteredModelCreate, "model_versions": ModelVersionCreate, "artifacts": Artifact}
KEPT = {"registered_models": RegisteredModel, "model_versions": ModelVersion, "artifacts": Artifact}


def kubeflow(version):
    """Stands in for Kubeflow's Model Registry, which comes as an image alone. What it takes is what the client knows
    that is generated from the registry's OpenAPI; what it answers was seen of the registry itself."""

    def answer(registry, path, body):
        url = urlsplit(path)
        method, query = "GET" if body is None else "POST", parse_qs(url.query)
        if not url.path.startswith(f"/api/model_registry/{version}/"):
            return 404, "404 page not found"
        operations = [
            names
            for wanted, pattern, names in OPERATIONS.values()
            if wanted == method and pattern.fullmatch(url.path.replace(f"/{version}/", "/v1/"))
        ]
        if not operations or not set(query) <= operations[0]:
            return 400, {"code": "Bad Request", "message": f"the client has no {method} {path}"}
        kind = url.path.rpartition("/")[2]
        if body is not None:
            if not body.items() <= SENT[kind].from_dict(body).to_dict().items():
                return 400, {"code": "Bad Request", "message": f"the client has other fields than {body}"}
            return 201, KEPT[kind].from_dict({"id": "7", **body}).to_dict()
        if kind in ("registered_model", "model_version"):
            found = [each for each in registry.told(f"{kind}s") if query["name"] == [each["name"]]]
            if not found:
                return 404, {"code": "Not Found", "message": "not found"}
            return 200, KEPT[f"{kind}s"].from_dict({"id": "7", **found[0]}).to_dict()
        items = registry.told(kind)
        return 200, {"items": items, "nextPageToken": "", "pageSize": 0, "size": len(items)}

    return answer


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


@pytest.mark.parametrize("api", ["v1", "v1alpha3"])
def test_kubeflow_has_a_version_and_its_artifact(serve, api):
    registry = serve(kubeflow(api))
    assert run(section("kubeflow", registry.url), DEPLOYMENT, LINEAGE) == "tiny 1.0.0"
    (version,) = registry.told(f"/api/model_registry/{api}/model_versions")
    assert (version["name"], version["registeredModelId"]) == ("1.0.0", "7")
    assert version["customProperties"]["manifest_sha256"]["string_value"] == "m" * 64
    (artifact,) = registry.told("model_versions/7/artifacts")
    assert artifact["uri"] == SOURCE


@pytest.mark.parametrize(("kind", "answer"), [("mlflow", mlflow), ("kubeflow", kubeflow("v1alpha3"))])
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


def test_a_server_that_is_no_registry_is_told(serve):
    with pytest.raises(StepFailed, match="is no Kubeflow Model Registry: it has none of v1, v1alpha3"):
        run(section("kubeflow", serve(lambda *_: (404, "404 page not found")).url), DEPLOYMENT, LINEAGE)


def test_one_that_is_not_there_is_told():
    with pytest.raises(StepFailed, match="does not answer"):
        run(section("mlflow", "http://127.0.0.1:9"), DEPLOYMENT, LINEAGE)
