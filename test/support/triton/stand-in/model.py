"""Stands in for a backend that needs a GPU, or that the wheel does not carry, under that backend's name.

A python-based backend: the core reads config.pbtxt for it and checks schema and semantics as for the real one. This file
answers every request with tensors of the declared outputs.

What the core checks itself, whatever the backend: every key it knows and its type, names, data types, dims,
max_batch_size, the schedulers and their queues, version_policy against the folders, instance groups against the devices
there are, ensembles (steps, maps, types), label files, warm-up, response cache, rate limiter.

What only the real backend checks: default_model_filename and cc_model_filenames (that the file is there, and of which
kind it is), inputs and outputs against the model file, optimization.execution_accelerators, all `parameters`. The real
onnxruntime and tensorrt also fill in inputs and outputs that config.pbtxt leaves out; here a model without outputs loads,
and answers with none. Two inputs of one name and a negative instance count pass the core.

Parameters of a model's config.pbtxt that only this file reads:
  stand_in_delay_ms   how long one execution takes; under a decoupled policy, how long before each response. Default 0.
  stand_in_slots      under a decoupled policy, how many requests are answered at a time: the others wait inside, and the
                      metric families of TensorRT-LLM's backend tell of both. Default: all, and no metrics.
  stand_in_responses  how many responses a request gets under a decoupled policy. Default 3.
  stand_in_size       the size of a dimension declared -1. Default: that of the same axis of the first input of the same
                      rank that declares it -1 too, else 1.
"""

import json
import threading
import time

import numpy as np
import slots
import tensorrtllm_checks
import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    def initialize(self, args):
        config = json.loads(args["model_config"])
        parameters = {key: value["string_value"] for key, value in config.get("parameters", {}).items()}
        if config["backend"] == "tensorrtllm":
            problems = tensorrtllm_checks.problems(config, parameters)
            if problems:
                raise pb_utils.TritonModelException("; ".join(problems))
        self.delay = float(parameters.get("stand_in_delay_ms", 0)) / 1000
        self.responses = int(parameters.get("stand_in_responses", 3))
        self.size = int(parameters["stand_in_size"]) if "stand_in_size" in parameters else None
        self.decoupled = config.get("model_transaction_policy", {}).get("decoupled", False)
        self.batched = config["max_batch_size"] > 0
        self.inputs = [(tensor["name"], inner_dims(tensor)) for tensor in config["input"]]
        self.outputs = [
            (tensor["name"], numpy_type(tensor["data_type"]), inner_dims(tensor)) for tensor in config["output"]
        ]
        self.threads = []
        self.slots = None
        if "stand_in_slots" in parameters:
            self.slots = slots.Slots(args["model_name"], args["model_version"], int(parameters["stand_in_slots"]))

    def execute(self, requests):
        if not self.decoupled:
            time.sleep(self.delay)
            return [self.response(request, 0) for request in requests]
        # As an engine with in-flight batching: whatever comes is taken at once, so that nothing waits in the queue.
        self.threads = [thread for thread in self.threads if thread.is_alive()]
        for request in requests:
            thread = threading.Thread(target=self.stream, args=(request, request.get_response_sender()))
            self.threads.append(thread)
            thread.start()
        return None

    def finalize(self):
        for thread in self.threads:
            thread.join()

    def stream(self, request, sender):
        if self.slots is None:
            self.answer(request, sender)
        else:
            with self.slots.taken():
                self.answer(request, sender)

    def answer(self, request, sender):
        for index in range(self.responses):
            time.sleep(self.delay)
            if request.is_cancelled():
                break
            sender.send(self.response(request, index))
        sender.send(flags=pb_utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL)

    def response(self, request, index):
        sent = {tensor.name(): tensor.shape() for tensor in request.inputs()}
        batch = [next(iter(sent.values()), [1])[0]] if self.batched else []
        wanted = request.requested_output_names()
        tensors = []
        for name, kind, dims in self.outputs:
            if name not in wanted:
                continue
            shape = batch + [self.fill(dims, axis, sent) if size == -1 else size for axis, size in enumerate(dims)]
            value = f"token{index} ".encode() if kind is np.object_ else index + 1
            tensors.append(pb_utils.Tensor(name, np.full(shape, value, dtype=kind)))
        return pb_utils.InferenceResponse(tensors)

    def fill(self, dims, axis, sent):
        """The size of an axis that is declared -1."""
        if self.size is not None:
            return self.size
        for name, declared in self.inputs:
            if name in sent and len(declared) == len(dims) and declared[axis] == -1:
                return list(sent[name])[axis + (1 if self.batched else 0)]
        return 1


def inner_dims(tensor):
    """The dims that a backend sees: the core does the reshape."""
    return tensor["reshape"]["shape"] if "reshape" in tensor else tensor["dims"]


def numpy_type(data_type):
    if data_type == "TYPE_BF16":
        raise pb_utils.TritonModelException("the stand-in backend makes no TYPE_BF16: numpy has no such type")
    return pb_utils.triton_string_to_numpy(data_type)
