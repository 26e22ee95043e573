"""What of the model's description a step is given."""

from typing import Any


def exact(value: Any) -> Any:
    """The section as it was rendered: Kubeflow hands every number in it over as floating point."""
    if isinstance(value, dict):
        return {key: exact(each) for key, each in value.items()}
    if isinstance(value, list):
        return [exact(each) for each in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
