"""Places to publish to, of each kind: a folder, repositories, and a bucket of a server that speaks S3."""

import logging
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from moto.server import ThreadedMotoServer

KINDS = ("folder", "repository", "origin", "bucket")


def git(*arguments: str | Path) -> str:
    return subprocess.run(["git", *arguments], check=True, capture_output=True, text=True).stdout


@contextmanager
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server with a bucket, which the usual variables lead to; its URL."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    httpx.post(f"{url}/moto-api/reset").raise_for_status()  # what it keeps is of this whole process
    httpx.put(f"{url}/history").raise_for_status()
    for name, value in {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "somebody",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    yield url
    server.stop()


@contextmanager
def place_of(kind: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """What PULSEOPS_AUDIT_PUBLISH says of a new and empty one."""
    if kind == "folder":
        (folder / "place").mkdir()
        yield str(folder / "place")
    elif kind == "bucket":
        with s3(monkeypatch):
            yield "s3://history/of/ours"
    else:
        git("init", "--quiet", "--bare", "--initial-branch=main", folder / "there.git")
        if kind == "origin":
            git("clone", "--quiet", "--bare", folder / "there.git", folder / "here.git")
        yield f"git:{folder / ('here.git' if kind == 'origin' else 'there.git')}"
