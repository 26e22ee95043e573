"""What is done at the end of every run, however it ended: a rollout that was not finished is taken back."""

from steps.rollout import end, put_back, record_of
from steps.say import say
from steps.store import Store


def run(section: dict, run_id: str, state: str, message: str) -> None:
    say(f"the run ended: {state} {message}".strip())
    store = Store(section["store"], section)
    record = record_of(store)
    if record is None or record["run"] != run_id:
        say("no rollout of this run is left over")
        return
    if state == "SUCCEEDED":
        end(store)
        return
    say(f"release {record['release']} was not tried to the end: the one before it comes back")
    put_back(store, section, record)
