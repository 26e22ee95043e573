"""Tries what is served as its users would, and holds it to what was promised."""

import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from steps.rollout import end, put_back, record_of
from steps.say import StepFailed, say
from steps.store import Store
from steps.triton import Server, servers_of

# Events of a request that is broken off: the first tells that it runs.
EVENTS_BEFORE_CANCEL = 1


@dataclass
class Sample:
    """One request."""

    first_token: float = 0.0
    # Seconds between tokens, each as long as the pause before the event that brought it.
    gaps: list[float] = field(default_factory=list)
    tokens: int = 0
    events: int = 0
    error: str | None = None


def run(section: dict, deployment: dict) -> dict:
    """Returns the report of a release that keeps what was promised. Raises after the one before it is served again."""
    report = {"model": section["model"], "release": deployment["release"], **measure(section)}
    problems = verdict(section, report)
    report["problems"] = problems
    report["passed"] = not problems
    for line in table(report):
        say(line)
    store = Store(section["store"], section)
    record = record_of(store)
    if problems and record is not None and record["release"] == deployment["release"]:
        put_back(store, section, record)
    elif not problems:
        end(store)
    return report


def require_passed(report: dict) -> None:
    if not report["passed"]:
        listed = "\n".join(f"  {problem}" for problem in report["problems"])
        raise StepFailed(f"release {report['release']} does not keep what {report['model']} promises:\n{listed}")


def measure(section: dict) -> dict:
    servers = servers_of(section["servers"])
    if not servers:
        raise StepFailed("no server is named: nothing can be tried")
    # What is asked first pays for what a server does once.
    ask(servers[0], section, section["classes"][0], random.Random(-1))
    classes = {each["name"]: measure_class(section, servers, each) for each in section["classes"]}
    return {
        "load": {"requests_at_once": section["concurrency"], "servers": len(servers)},
        "classes": classes,
        "cancellation": cancellation(section, servers[0]),
    }


def measure_class(section: dict, servers: list[Server], each: dict) -> dict:
    start = time.monotonic()
    with ThreadPoolExecutor(section["concurrency"]) as pool:
        jobs = [
            pool.submit(ask, servers[index % len(servers)], section, each, random.Random(f"{each['name']}{index}"))
            for index in range(section["requests"])
        ]
        samples = [job.result() for job in jobs]
    seconds = time.monotonic() - start
    answered = [sample for sample in samples if sample.error is None]
    gaps = [gap for sample in answered for gap in sample.gaps]
    return {
        "input_tokens": each["inputTokens"],
        "requests": len(samples),
        "errors": len(samples) - len(answered),
        "error_messages": sorted({sample.error for sample in samples if sample.error is not None})[:5],
        "first_token_p50_seconds": percentile([sample.first_token for sample in answered], 50),
        "first_token_p95_seconds": percentile([sample.first_token for sample in answered], 95),
        "inter_token_p50_seconds": percentile(gaps, 50),
        "inter_token_p95_seconds": percentile(gaps, 95),
        "tokens_per_second": round(sum(sample.tokens for sample in answered) / seconds, 2),
        "events_per_request": round(sum(sample.events for sample in answered) / max(1, len(answered)), 2),
        "least_events": min((sample.events for sample in answered), default=0),
    }


def ask(server: Server, section: dict, each: dict, numbers: random.Random) -> Sample:
    """One request, measured. Prompts differ, so that no cached prefix answers for the engine."""
    sample = Sample()
    start = last = time.monotonic()
    for event in events(server, section, each["inputTokens"], each["outputTokens"], numbers):
        now = time.monotonic()
        if "error" in event:
            sample.error = str(event["error"])
            break
        tokens = tokens_of(event)
        if sample.events == 0:
            sample.first_token = now - start
        elif tokens > 0:
            sample.gaps += [(now - last) / tokens] * tokens
        last = now
        sample.events += 1
        sample.tokens += tokens
    if sample.error is None and sample.events == 0:
        sample.error = "ended without an answer"
    return sample


def events(server: Server, section: dict, inputs: int, outputs: int, numbers: random.Random) -> Iterator[dict]:
    ids = [numbers.randrange(section["vocabulary"]) for _ in range(inputs)]
    request = {
        "input_ids": ids,
        "input_lengths": inputs,
        "request_output_len": outputs,
        "streaming": section["streaming"],
    }
    return server.stream(section["model"], request, section["deadlineSeconds"])


def tokens_of(event: dict) -> int:
    """New tokens of an event: of one token Triton makes a number, of several a list."""
    ids = event.get("output_ids")
    return len(ids) if isinstance(ids, list) else int(ids is not None)


def cancellation(section: dict, server: Server) -> dict:
    """Breaks a request off after its first token, and asks the next at once: the server has to go on as before.

    Triton's own figures do not tell: a decoupled request that was broken off is a success to them (seen on 2.51).
    """
    each = max(section["classes"], key=lambda one: one["outputTokens"])
    broken = 0
    stream = events(server, section, each["inputTokens"], each["outputTokens"], random.Random("cancel"))
    for event in stream:
        if "error" in event:
            return {"cancelled": False, "error": str(event["error"])}
        broken += 1
        if broken == EVENTS_BEFORE_CANCEL:
            break
    stream.close()
    after = ask(server, section, section["classes"][0], random.Random("after"))
    return {
        "cancelled": broken == EVENTS_BEFORE_CANCEL,
        "next_first_token_seconds": round(after.first_token, 4),
        "error": after.error,
    }


def verdict(section: dict, report: dict) -> list[str]:
    """Everything that was promised and is not kept."""
    promise = section["promise"]
    problems = []
    for each in section["classes"]:
        name, found = each["name"], report["classes"][each["name"]]
        if found["errors"]:
            messages = "; ".join(found["error_messages"])
            problems.append(f"{name}: {found['errors']} of {found['requests']} requests failed: {messages}")
            continue
        first = (each.get("firstToken") or promise.get("firstToken") or {}).get("p95Seconds")
        between = (promise.get("interToken") or {}).get("p95Seconds")
        problems += above(name, "first token", found["first_token_p95_seconds"], first)
        problems += above(name, "from token to token", found["inter_token_p95_seconds"], between)
        if section["streaming"] and each["outputTokens"] > 1 and found["least_events"] < 2:
            problems.append(f"{name}: answers come in one piece, though the model streams")
        least = promise.get("tokensPerSecond")
        if least is not None and found["tokens_per_second"] < least:
            problems.append(f"{name}: {found['tokens_per_second']} tokens a second, {least} were promised")
    cancelled = report["cancellation"]
    if not cancelled["cancelled"] or cancelled["error"] is not None:
        problems.append(f"cancellation: {cancelled['error'] or 'no answer could be broken off'}")
        return problems
    first = section["classes"][0]
    promised = (first.get("firstToken") or promise.get("firstToken") or {}).get("p95Seconds")
    found = cancelled["next_first_token_seconds"]
    if promised is not None and found > promised:
        problems.append(
            f"cancellation: the next request waits {found:.3f} s for its first token, promised: {promised} s"
        )
    return problems


def above(name: str, what: str, found: float | None, promised: float | None) -> list[str]:
    if promised is None or (found is not None and found <= promised):
        return []
    measured = "was not measured" if found is None else f"{found:.3f} s"
    return [f"{name}: {what}, 95th percentile: {measured}, {promised} s were promised"]


def percentile(values: list[float], share: int) -> float | None:
    """By nearest rank."""
    if not values:
        return None
    ordered = sorted(values)
    return round(ordered[max(0, -(-len(ordered) * share // 100) - 1)], 4)


def table(report: dict) -> list[str]:
    lines = [f"{'class':<10}{'prompt':>8}{'errors':>8}{'first p95':>11}{'next p95':>10}{'tokens/s':>10}"]
    for name, found in report["classes"].items():
        first, between = found["first_token_p95_seconds"], found["inter_token_p95_seconds"]
        cells = [f"{value:.3f}" if value is not None else "-" for value in (first, between)]
        lines.append(
            f"{name:<10}{found['input_tokens']:>8}{found['errors']:>8}{cells[0]:>11}{cells[1]:>10}"
            f"{found['tokens_per_second']:>10}"
        )
    at_once, servers = report["load"]["requests_at_once"], report["load"]["servers"]
    lines.append(f"tokens/s: of these requests alone, {at_once} at once, over servers: {servers}")
    lines.append(
        f"cancellation: {'taken' if report['cancellation']['error'] is None else report['cancellation']['error']}"
    )
    lines.append("passed" if report["passed"] else f"failed: {len(report['problems'])} problems")
    return lines


def figures(report: dict) -> dict[str, float]:
    """The report's figures under names of their own, for Kubeflow's Metrics."""
    wanted = ("errors", "first_token_p95_seconds", "inter_token_p95_seconds", "tokens_per_second")
    return {
        f"{name}_{key}": found[key]
        for name, found in report["classes"].items()
        for key in wanted
        if found[key] is not None
    }
