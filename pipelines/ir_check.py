"""Looks for references of a pipeline's IR that lead nowhere: kfp's own loader lets them pass."""


def reference_problems(spec: dict, platform: dict | None = None) -> list[str]:
    """Every reference to something that is not there.

    spec, platform: the two documents of a compiled pipeline.
    """
    problems: list[str] = []
    components = spec.get("components", {})
    executors = spec.get("deploymentSpec", {}).get("executors", {})
    used = set()
    for name, component in components.items():
        label = component.get("executorLabel")
        if label is not None:
            used.add(label)
            if label not in executors:
                problems.append(f"components.{name}.executorLabel: there is no executor {label}")
        elif "dag" not in component:
            problems.append(f"components.{name}: has neither an executor nor tasks")
        problems += dag_problems(f"components.{name}", component, components)
    problems += dag_problems("root", spec.get("root", {}), components)
    problems += [f"deploymentSpec.executors.{label}: no component uses it" for label in sorted(set(executors) - used)]
    configured = platform_executors(platform or {})
    problems += [f"platforms: there is no executor {label}" for label in sorted(configured - set(executors))]
    return problems


def platform_executors(platform: dict) -> set[str]:
    platforms = platform.get("platforms", {})
    return {label for each in platforms.values() for label in each.get("deploymentSpec", {}).get("executors", {})}


def dag_problems(where: str, component: dict, components: dict) -> list[str]:
    """What is wrong with the tasks of one component, and with what it gives."""
    dag = component.get("dag")
    if dag is None:
        return []
    tasks = dag.get("tasks", {})
    problems: list[str] = []
    for name, task in tasks.items():
        here = f"{where}.{name}"
        reference = task.get("componentRef", {}).get("name")
        callee = components.get(reference)
        if callee is None:
            problems.append(f"{here}.componentRef: there is no component {reference}")
        for other in task.get("dependentTasks", []):
            if other not in tasks:
                problems.append(f"{here}.dependentTasks: there is no task {other}")
        for kind in ("parameters", "artifacts"):
            declared = (callee or {}).get("inputDefinitions", {}).get(kind, {})
            given = task.get("inputs", {}).get(kind, {})
            for key, value in given.items():
                if callee is not None and key not in declared:
                    problems.append(f"{here}.inputs.{key}: {reference} takes no such thing")
                problems += source_problems(f"{here}.inputs.{key}", value, component, tasks, components)
            missing = [key for key, what in declared.items() if key not in given and not what.get("isOptional")]
            problems += [f"{here}.inputs: {key} is missing" for key in missing]
    problems += output_problems(where, dag, tasks, components)
    return problems


def source_problems(where: str, value: dict, parent: dict, tasks: dict, components: dict) -> list[str]:
    """What is wrong with where one input comes from."""
    problems = []
    for kind, inner in (("parameters", "componentInputParameter"), ("artifacts", "componentInputArtifact")):
        name = value.get(inner)
        if name is not None and name not in parent.get("inputDefinitions", {}).get(kind, {}):
            problems.append(f"{where}: there is no input {name} around it")
    for kind, outer, field in (
        ("parameters", "taskOutputParameter", "outputParameterKey"),
        ("artifacts", "taskOutputArtifact", "outputArtifactKey"),
    ):
        if outer in value:
            source = value[outer]
            problems += producer_problems(where, source.get("producerTask"), kind, source.get(field), tasks, components)
    status = value.get("taskFinalStatus")
    if status is not None and status.get("producerTask") not in tasks:
        problems.append(f"{where}: there is no task {status.get('producerTask')}")
    return problems


def producer_problems(where: str, task: str, kind: str, key: str, tasks: dict, components: dict) -> list[str]:
    if task not in tasks:
        return [f"{where}: there is no task {task}"]
    component = components.get(tasks[task].get("componentRef", {}).get("name"), {})
    if key in component.get("outputDefinitions", {}).get(kind, {}):
        return []
    return [f"{where}: {task} gives no {key}"]


def output_problems(where: str, dag: dict, tasks: dict, components: dict) -> list[str]:
    """What a component of tasks gives comes from tasks in it."""
    problems = []
    outputs = dag.get("outputs", {})
    for key, artifact in outputs.get("artifacts", {}).items():
        for selector in artifact.get("artifactSelectors", []):
            task, name = selector.get("producerSubtask"), selector.get("outputArtifactKey")
            problems += producer_problems(f"{where}.outputs.{key}", task, "artifacts", name, tasks, components)
    for key, parameter in outputs.get("parameters", {}).items():
        selector = parameter.get("valueFromParameter", {})
        task, name = selector.get("producerSubtask"), selector.get("outputParameterKey")
        if selector:
            problems += producer_problems(f"{where}.outputs.{key}", task, "parameters", name, tasks, components)
    return problems
