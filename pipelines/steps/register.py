"""Tells a registry of models of a release, with what it was made from."""

import json
import urllib.error
import urllib.request

from steps.say import StepFailed, say

CALL_SECONDS = 30
# Of Kubeflow's registry, newest first: what is said here is the same in both (kubeflow/hub issue 2992).
KUBEFLOW_APIS = ("v1", "v1alpha3")


def run(section: dict, deployment: dict, lineage: dict) -> str:
    """Returns the name of the entry."""
    tags = {
        "release": deployment["release"],
        "manifest_sha256": deployment["manifest_sha256"],
        "lineage_sha256": deployment["lineage_sha256"],
        "spec_sha256": lineage["specDigest"],
        "engine_sha256": lineage["engine"]["digest"],
        "image": lineage["image"],
        "built_on": lineage["builtOn"],
    }
    source = f"{deployment['store']}/releases/{deployment['release']}"
    add = {"mlflow": to_mlflow, "kubeflow": to_kubeflow}[section["kind"]]
    entry = add(section["url"], section["model"], source, tags)
    say(f"{section['kind']} has it as {entry}")
    return entry


def to_mlflow(url: str, model: str, source: str, tags: dict) -> str:
    """MLflow's REST API: registered-models/create, model-versions/search and model-versions/create."""
    api = f"{url}/api/2.0/mlflow"
    created = post(f"{api}/registered-models/create", {"name": model}, allowed=(400,))
    if "error_code" in created and created["error_code"] != "RESOURCE_ALREADY_EXISTS":
        raise StepFailed(f"MLflow at {url}: {created}")
    query = urllib.request.quote(f"name='{model}'")
    for version in get(f"{api}/model-versions/search?filter={query}").get("model_versions", []):
        if version.get("source") == source:
            return f"{model} version {version['version']}"
    body = {"name": model, "source": source, "tags": [{"key": key, "value": value} for key, value in tags.items()]}
    version = post(f"{api}/model-versions/create", body)["model_version"]
    return f"{model} version {version['version']}"


def to_kubeflow(url: str, model: str, source: str, tags: dict) -> str:
    """Kubeflow Model Registry's REST API: a registered model, a version of it, and an artifact of that."""
    api = kubeflow_api(url)
    properties = {key: {"metadataType": "MetadataStringValue", "string_value": value} for key, value in tags.items()}
    parent = find_or_create(f"{api}/registered_model", f"{api}/registered_models", {"name": model})
    name = tags["release"]
    version = find_or_create(
        f"{api}/model_version",
        f"{api}/model_versions",
        {"name": name, "registeredModelId": parent["id"], "customProperties": properties},
        f"&parentResourceId={parent['id']}",
    )
    artifacts = f"{api}/model_versions/{version['id']}/artifacts"
    if not get(artifacts).get("items"):
        artifact = {"artifactType": "model-artifact", "name": f"{model}-{name}", "uri": source}
        post(artifacts, {**artifact, "modelFormatName": "tensorrt-llm"})
    return f"{model} {name}"


def kubeflow_api(url: str) -> str:
    """The newest interface that the server has: that of Kubeflow 26.03 is v1alpha3."""
    for version in KUBEFLOW_APIS:
        api = f"{url}/api/model_registry/{version}"
        if "items" in get(f"{api}/registered_models?pageSize=1", allowed=(404,)):
            return api
    raise StepFailed(f"{url} is no Kubeflow Model Registry: it has none of {', '.join(KUBEFLOW_APIS)}")


def find_or_create(find: str, create: str, body: dict, more: str = "") -> dict:
    found = get(f"{find}?name={urllib.request.quote(body['name'])}{more}", allowed=(404,))
    return found if "id" in found else post(create, body)


def get(url: str, allowed: tuple[int, ...] = ()) -> dict:
    return call(urllib.request.Request(url), allowed)


def post(url: str, body: dict, allowed: tuple[int, ...] = ()) -> dict:
    headers = {"Content-Type": "application/json"}
    return call(urllib.request.Request(url, json.dumps(body).encode(), headers), allowed)


def call(request: urllib.request.Request, allowed: tuple[int, ...]) -> dict:
    try:
        with urllib.request.urlopen(request, timeout=CALL_SECONDS) as answer:
            return json.loads(answer.read())
    except urllib.error.HTTPError as error:
        text = error.read().decode(errors="replace")
        if error.code in allowed:
            return json.loads(text) if text.startswith("{") else {}
        raise StepFailed(f"{request.full_url} answers {error.code}: {text[:500]}") from None
    except OSError as error:
        raise StepFailed(f"{request.full_url} does not answer: {error}") from None
