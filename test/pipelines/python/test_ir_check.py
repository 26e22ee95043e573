"""References of an IR that lead nowhere, which kfp's loader lets pass."""

import copy
import json
import os
from pathlib import Path

import pytest
import yaml
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2

from ir_check import reference_problems

SPEC, PLATFORM = yaml.safe_load_all(Path(os.environ["COMPILED_PIPELINE"]).read_text("utf-8"))


def test_a_compiled_pipeline_has_none():
    assert reference_problems(SPEC, PLATFORM) == []


def inner(spec):
    return next(each["dag"] for each in spec["components"].values() if "dag" in each)


def other_executor(spec):
    spec["components"]["comp-build"]["executorLabel"] = "exec-built"


def other_producer(spec):
    artifacts = inner(spec)["tasks"]["build"]["inputs"]["artifacts"]
    artifacts["converted"]["taskOutputArtifact"]["producerTask"] = "conversion"


def other_output(spec):
    artifacts = inner(spec)["tasks"]["build"]["inputs"]["artifacts"]
    artifacts["converted"]["taskOutputArtifact"]["outputArtifactKey"] = "checkpoint"


def other_parameter(spec):
    parameters = inner(spec)["tasks"]["fetch"]["inputs"]["parameters"]
    parameters["checkpoint_uri"]["componentInputParameter"] = "checkpoint"


def other_component(spec):
    inner(spec)["tasks"]["fetch"]["componentRef"]["name"] = "comp-fetched"


def missing_input(spec):
    del inner(spec)["tasks"]["smoke"]["inputs"]["artifacts"]["deployment"]


def other_dependency(spec):
    inner(spec)["tasks"]["smoke"]["dependentTasks"] = ["deployment"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (other_executor, "comp-build.executorLabel: there is no executor exec-built"),
        (other_executor, "deploymentSpec.executors.exec-build: no component uses it"),
        (other_producer, "build.inputs.converted: there is no task conversion"),
        (other_output, "build.inputs.converted: convert gives no checkpoint"),
        (other_parameter, "fetch.inputs.checkpoint_uri: there is no input"),
        (other_component, "fetch.componentRef: there is no component comp-fetched"),
        (missing_input, "smoke.inputs: deployment is missing"),
        (other_dependency, "smoke.dependentTasks: there is no task deployment"),
    ],
)
def test_one_that_dangles_is_told(change, told):
    spec = copy.deepcopy(SPEC)
    change(spec)
    # It is a pipeline to kfp all the same.
    json_format.ParseDict(json.loads(json.dumps(spec)), pipeline_spec_pb2.PipelineSpec())
    assert [problem for problem in reference_problems(spec, PLATFORM) if told in problem]


def test_pods_of_no_executor_are_told():
    platform = copy.deepcopy(PLATFORM)
    executors = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    executors["exec-built"] = executors.pop("exec-build")
    assert reference_problems(SPEC, platform) == ["platforms: there is no executor exec-built"]
