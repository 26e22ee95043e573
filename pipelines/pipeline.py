"""The pipeline from data to a served model. Edit it here; docs/pipelines.md says how."""

from collections.abc import Callable

from kfp import dsl, kubernetes

import components as steps
from components import component

PAUSE = "30s"
LONGEST_PAUSE = "600s"
STORE_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
LOAD_KEY_VARIABLE = "TRITON_LOAD_KEY"
HUB_TOKEN = "HF_TOKEN"
MADE_OF = ("config", "engineFiles", "lineage", "version")


def make_pipeline(given: dict, installs: bool = True) -> Callable:
    """The pipeline of one model.

    given: what `npm run pipeline -- render MODEL` writes. Each step gets its own section of it alone, so that a change
    for a later step lets the results of those before it be taken again.
    """
    images = given["images"]
    # Without what a release is made of.
    served = {key: value for key, value in given["deploy"].items() if key not in MADE_OF}
    small, engine_image = images["steps"], images["engine"]
    fetch = component(steps.fetch, small, installs=installs)
    prepare = component(steps.prepare, small, installs=installs)
    convert = component(steps.convert, engine_image, installs=installs)
    build = component(steps.build, engine_image, installs=installs)
    validate = component(steps.validate, engine_image, installs=installs)
    deploy = component(steps.deploy, small, installs=installs)
    smoke = component(steps.smoke, small, installs=installs)
    clean_up = component(steps.clean_up, small, installs=installs)

    @dsl.pipeline(
        name=f"serve-{given['model'].replace('.', '-')}", description=f"From data to a served {given['model']}"
    )
    def serve(
        checkpoint_uri: str,
        dataset_uri: str,
        release: str,
        least_accuracy: float,
        tokenizer_sha256: str = "",
        chat_template_sha256: str = "",
    ):
        run_id = dsl.PIPELINE_JOB_ID_PLACEHOLDER
        cleaned = clean_up(section=served, run_id=run_id)
        settle(cleaned, given, "clean_up", store=True, key=True, cached=False)
        with dsl.ExitHandler(cleaned, name="from data to a served model"):
            fetched = fetch(section=given["fetch"], checkpoint_uri=checkpoint_uri)
            settle(fetched, given, "fetch", store=True)
            if "hub" in given["secrets"]:
                kubernetes.use_secret_as_env(fetched, given["secrets"]["hub"], {HUB_TOKEN: HUB_TOKEN})
            checkpoint = fetched.outputs["checkpoint"]
            prepared = prepare(section=given["prepare"], dataset_uri=dataset_uri, checkpoint=checkpoint)
            settle(prepared, given, "prepare", store=True)
            model = checkpoint
            if "train" in given:
                train = component(steps.train, images["training"], given["train"]["packages"], installs)
                trained = train(section=given["train"], checkpoint=checkpoint, data=prepared.outputs["data"])
                settle(trained, given, "train", nodes="training")
                model = trained.outputs["model"]
            converted = convert(section=given["convert"], model=model)
            settle(converted, given, "convert", nodes="engine")
            built = build(section=given["build"], converted=converted.outputs["converted"])
            settle(built, given, "build", nodes="engine")
            engine = built.outputs["engine"]
            validated = validate(
                section=given["validate"],
                engine=engine,
                model=model,
                checkpoint=checkpoint,
                evaluation=prepared.outputs["evaluation"],
                least_accuracy=least_accuracy,
                tokenizer_sha256=tokenizer_sha256,
                chat_template_sha256=chat_template_sha256,
            )
            settle(validated, given, "validate", nodes="engine")
            deployed = deploy(
                section=given["deploy"],
                engine=engine,
                checkpoint=checkpoint,
                data=prepared.outputs["data"],
                model=model,
                checks=validated.outputs["checks"],
                release=release,
                run_id=run_id,
            )
            settle(deployed, given, "deploy", store=True, key=True, cached=False)
            smoked = smoke(section=given["smoke"], deployment=deployed.outputs["deployment"])
            settle(smoked, given, "smoke", store=True, key=True, cached=False)
            if "register" in given:
                register = component(steps.register, small, installs=installs)
                registered = register(
                    section=given["register"],
                    lineage=given["deploy"]["lineage"],
                    deployment=deployed.outputs["deployment"],
                    report=smoked.outputs["report"],
                )
                settle(registered, given, "register", cached=False)

    return serve


def settle(
    task: dsl.PipelineTask,
    given: dict,
    step: str,
    nodes: str | None = None,
    store: bool = False,
    key: bool = False,
    cached: bool = True,
) -> None:
    """What a step's pod asks for, where it runs, and what becomes of its failures.

    nodes: whose GPUs it takes. store, key: whether it reaches the store, and the servers' load API. cached: not where a
    step has effects.
    """
    wanted = given["resources"][step]
    cpus, memory = str(wanted["cpus"]), f"{wanted['memoryGib']}Gi"
    task.set_display_name(step.replace("_", " "))
    task.set_cpu_request(cpus).set_cpu_limit(cpus).set_memory_request(memory).set_memory_limit(memory)
    task.set_caching_options(cached)
    kubernetes.set_timeout(task, wanted["timeoutSeconds"])
    if wanted["retries"] > 0:
        task.set_retry(wanted["retries"], PAUSE, 2.0, LONGEST_PAUSE)
    if nodes is not None:
        task.set_accelerator_type("nvidia.com/gpu").set_accelerator_limit(wanted["gpus"])
        for label, value in given["nodes"][nodes]["nodeSelector"].items():
            kubernetes.add_node_selector(task, label, value)
        kubernetes.add_toleration(task, key="nvidia.com/gpu", operator="Exists", effect="NoSchedule")
        # Ranks exchange through shared memory, of which a container has 64 MiB.
        kubernetes.empty_dir_mount(task, volume_name="shm", mount_path="/dev/shm", medium="Memory", size_limit="8Gi")
    secrets = given["secrets"]
    if store and "store" in secrets:
        kubernetes.use_secret_as_env(task, secrets["store"], {name: name for name in STORE_KEYS})
    if key and "loadKey" in secrets:
        secret = secrets["loadKey"]
        kubernetes.use_secret_as_env(task, secret["secretName"], {secret["key"]: LOAD_KEY_VARIABLE})
