"""The slots of an engine with in-flight batching, and what TensorRT-LLM's backend tells of them.

Families, labels and categories: NVIDIA/TensorRT-LLM, triton_backend, custom_metrics_reporter.cc. `active` are the requests
that hold a slot: of those that wait beyond them no gauge tells, and `waiting` are those among them that are held back for
want of cache, of which there are none here.
"""

import contextlib
import threading

import triton_python_backend_utils as pb_utils


class Slots:
    def __init__(self, model, version, count):
        self.count = count
        self.free = threading.Semaphore(count)
        self.lock = threading.Lock()
        self.active = 0
        labels = {"model": model, "version": version}
        requests = gauges("nv_trt_llm_request_metrics", "TRT LLM request metrics")
        blocks = gauges("nv_trt_llm_kv_cache_block_metrics", "TRT LLM KV cache block metrics")
        # A family that nobody holds is gone.
        self.families = [requests, blocks]
        self.requests = {
            kind: requests.Metric(labels={**labels, "request_type": kind})
            for kind in ["active", "max", "scheduled", "context", "waiting"]
        }
        self.fraction = blocks.Metric(labels={**labels, "kv_cache_block_type": "fraction"})
        self.requests["max"].set(count)

    @contextlib.contextmanager
    def taken(self):
        self.free.acquire()
        self.count_by(1)
        try:
            yield
        finally:
            self.free.release()
            self.count_by(-1)

    def count_by(self, more):
        with self.lock:
            self.active += more
            self.requests["active"].set(self.active)
            self.requests["scheduled"].set(self.active)
            # Room for a quarter more sequences than there are slots.
            self.fraction.set(0.75 * self.active / self.count)


def gauges(name, description):
    return pb_utils.MetricFamily(name=name, description=description, kind=pb_utils.MetricFamily.GAUGE)
