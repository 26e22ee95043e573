"""The verdict of a smoke test over what it measured."""

import copy

import pytest

from steps.smoke import figures, percentile, tokens_of, verdict

CLASS = {
    "requests": 24,
    "errors": 0,
    "error_messages": [],
    "first_token_p95_seconds": 1.0,
    "inter_token_p95_seconds": 0.02,
    "tokens_per_second": 500.0,
    "least_events": 10,
}
CANCELLED = {"cancelled": True, "next_first_token_seconds": 0.1, "error": None}
REPORT = {"classes": {"short": CLASS, "long": dict(CLASS)}, "cancellation": dict(CANCELLED)}
SECTION = {
    "streaming": True,
    "promise": {"firstToken": {"p95Seconds": 2}, "interToken": {"p95Seconds": 0.04}, "tokensPerSecond": 400},
    "classes": [
        {"name": "short", "outputTokens": 64},
        {"name": "long", "outputTokens": 64, "firstToken": {"p95Seconds": 4}},
    ],
}


def report(name="short", **changes):
    changed = copy.deepcopy(REPORT)
    changed["classes"][name].update(changes)
    return changed


def test_a_promise_that_is_kept_has_no_problems():
    assert verdict(SECTION, REPORT) == []


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (report(first_token_p95_seconds=2.5), "short: first token, 95th percentile: 2.500 s, 2 s were promised"),
        (report("long", first_token_p95_seconds=4.5), "long: first token, 95th percentile: 4.500 s, 4 s were promised"),
        (
            report(inter_token_p95_seconds=0.05),
            "short: from token to token, 95th percentile: 0.050 s, 0.04 s were promised",
        ),
        (
            report(inter_token_p95_seconds=None),
            "short: from token to token, 95th percentile: was not measured, 0.04 s were promised",
        ),
        (report(tokens_per_second=399.0), "short: 399.0 tokens a second, 400 were promised"),
        (report(errors=1, error_messages=["503 full"]), "short: 1 of 24 requests failed: 503 full"),
        (report(least_events=1), "short: answers come in one piece, though the model streams"),
        (
            {**REPORT, "cancellation": {"cancelled": True, "error": "timed out"}},
            "cancellation: timed out",
        ),
        (
            {**REPORT, "cancellation": {**CANCELLED, "next_first_token_seconds": 2.5}},
            "cancellation: the next request waits 2.500 s for its first token, promised: 2 s",
        ),
        (
            {**REPORT, "cancellation": {"cancelled": False, "error": None}},
            "cancellation: no answer could be broken off",
        ),
    ],
)
def test_one_that_is_not_is_told(found, told):
    assert verdict(SECTION, found) == [told]


def test_a_class_with_a_promise_of_its_own_is_judged_by_it():
    assert verdict(SECTION, report("long", first_token_p95_seconds=3.5)) == []


def test_without_a_promise_times_are_measured_alone():
    section = {**SECTION, "promise": {}, "classes": [{"name": "short", "outputTokens": 64}]}
    assert verdict(section, report(first_token_p95_seconds=100.0, inter_token_p95_seconds=None)) == []


def test_percentiles_are_by_nearest_rank():
    values = [n / 10 for n in range(20, 0, -1)]
    assert (percentile(values, 50), percentile(values, 95), percentile([], 95)) == (1.0, 1.9, None)


def test_tokens_of_an_event_are_counted():
    assert [tokens_of(event) for event in ({"output_ids": 5}, {"output_ids": [5, 6]}, {})] == [1, 2, 0]


def test_figures_have_names_of_their_own():
    found = {"classes": {"short": CLASS, "long": {**CLASS, "inter_token_p95_seconds": None}}}
    assert len(figures(found)) == 7
    assert figures(found)["short_first_token_p95_seconds"] == 1.0
