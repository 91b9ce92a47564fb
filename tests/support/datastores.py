"""Real datastores for tests: PostgreSQL from Debian, and Firestore's emulator from gcloud."""

import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from http.client import HTTPException
from pathlib import Path
from typing import Any
from uuid import uuid4

from tests.support.machine import environment, free_port, missing, run

BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
# PostgreSQL does not run as root. Debian's package creates a user for it. Windows has no geteuid,
# and tests/rendering/test_portable.py imports this module there.
USER = "postgres" if hasattr(os, "geteuid") and os.geteuid() == 0 else None


class PostgreSQL:
    """A server on a port of its own, with a folder of its own, until `remove`."""

    def __init__(self) -> None:
        pg_ctl = BINARIES[-1] if BINARIES else shutil.which("pg_ctl")
        if not pg_ctl:
            missing("PostgreSQL (Debian's package postgresql)")
        self.pg_ctl, self.port = Path(pg_ctl), free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="postgresql-"))
        if USER:
            shutil.chown(self.folder, USER)
        self.log = self.folder / "log"
        initdb = self.pg_ctl.with_name("initdb")
        self.run(initdb, "--username=api", "--auth=trust", "--encoding=UTF8", "--no-sync")

    def run(self, program: Path, *arguments: str) -> None:
        done = subprocess.run(
            [program, f"--pgdata={self.folder}/data", *arguments],
            user=USER,
            cwd=self.folder,
            # The server inherits these streams from pg_ctl, so reading from a pipe would never end.
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        assert done.returncode == 0, f"{program} {arguments}: see {self.log}"

    def url(self, database: str) -> str:
        return f"postgresql://api:secret@127.0.0.1:{self.port}/{database}"

    def create(self, database: str) -> None:
        createdb = self.pg_ctl.with_name("createdb")
        where = ["--host=127.0.0.1", f"--port={self.port}", "--username=api"]
        subprocess.run([createdb, *where, database], check=True)

    def execute(self, database: str, *statements: str) -> str:
        """Execute statements, each in a transaction of its own, and return their output."""
        psql = self.pg_ctl.with_name("psql")
        commands = [f"--command={statement}" for statement in statements]
        command = [psql, "--no-psqlrc", "-qAt", self.url(database), *commands]
        return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE).stdout

    def start(self) -> None:
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c fsync=off"
        options += f" -c unix_socket_directories={self.folder} -c log_disconnections=on"
        self.run(self.pg_ctl, "start", "--wait", f"--log={self.log}", f"--options={options}")

    def stop(self) -> None:
        self.run(self.pg_ctl, "stop", "--wait", "--mode=immediate")

    def freeze(self, name: str = "SIGSTOP") -> None:
        """Send a signal to each server process: SIGSTOP freezes it, SIGCONT resumes it."""
        server = int((self.folder / "data/postmaster.pid").read_text().split()[0])
        for process in (server, *children(server)):
            with suppress(ProcessLookupError):
                os.kill(process, signal.Signals[name])

    def remove(self) -> None:
        if (self.folder / "data/postmaster.pid").exists():
            self.freeze("SIGCONT")
            self.stop()
        shutil.rmtree(self.folder)


class PgBouncer:
    """A pooler in front of a server, in transaction mode, on a port of its own, until `stop`."""

    def __init__(self, server: PostgreSQL, users: list[str], **settings: str) -> None:
        program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
        self.program = program or missing("PgBouncer (Debian's package pgbouncer)")
        self.server, self.port = server, free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="pgbouncer-"))
        own = {
            "listen_addr": "127.0.0.1",
            "listen_port": self.port,
            "unix_socket_dir": "",
            "auth_type": "trust",
            "auth_file": self.folder / "users",
            "pool_mode": "transaction",
            "default_pool_size": 1,  # so that all clients share a connection
            "logfile": self.folder / "log",
        } | settings
        lines = [f"* = host=127.0.0.1 port={server.port}", "[pgbouncer]"]
        lines += [f"{name} = {value}" for name, value in own.items()]
        listed = "".join(f'"{user}" ""\n' for user in users)
        (self.folder / "users").write_text(listed, encoding="utf-8")
        (self.folder / "ini").write_text("\n".join(["[databases]", *lines, ""]), encoding="utf-8")
        if USER:
            shutil.chown(self.folder, USER)
        self.process = subprocess.Popen(
            [self.program, "-q", self.folder / "ini"], user=USER, cwd=self.folder
        )

    def url(self, database: str) -> str:
        return self.server.url(database).replace(f":{self.server.port}/", f":{self.port}/")

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.folder)


class Emulator:
    """Firestore's emulator, on a port of its own. It loses its data when it stops."""

    def __init__(self) -> None:
        self.gcloud = shutil.which("gcloud") or missing("gcloud, with the Firestore emulator")
        self.address = f"127.0.0.1:{free_port()}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(
            [self.gcloud, "emulators", "firestore", "start", f"--host-port={self.address}"],
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        # An open port is not enough: the first response may take longer than the API's timeout.
        documents = f"http://{self.address}/v1/projects/none/databases/(default)/documents/none"
        for _ in range(600):
            with suppress(OSError, HTTPException), urllib.request.urlopen(documents):
                return
            time.sleep(0.1)
        raise AssertionError("the emulator does not respond")

    def freeze(self, name: str = "SIGSTOP") -> None:
        assert self.process
        os.killpg(self.process.pid, signal.Signals[name])
        time.sleep(0.1)  # The emulator's threads stop one after the other.

    def stop(self) -> None:
        if self.process:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None

    remove = stop

    @contextmanager
    def locked(self, project: str, collection: str) -> Iterator[None]:
        """Hold the locks of a transaction that has read a collection."""

        def call(action: str, **body: Any) -> Any:
            url = f"http://{self.address}/v1/projects/{project}/databases/(default)/documents"
            data, kind = json.dumps(body).encode(), {"Content-Type": "application/json"}
            request = urllib.request.Request(f"{url}:{action}", data, kind)
            with urllib.request.urlopen(request) as response:
                return json.loads(response.read() or "null")

        transaction = call("beginTransaction")["transaction"]
        query = {"from": [{"collectionId": collection}]}
        call("runQuery", structuredQuery=query, transaction=transaction)
        try:
            yield
        finally:
            call("rollback", transaction=transaction)


class Relay:
    """Forward connections to an address, from `start` until `stop`."""

    def __init__(self, to: str) -> None:
        host, _, port = to.rpartition(":")
        self.to, self.port = (host, int(port)), free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.sockets: list[socket.socket] = []

    def start(self) -> None:
        self.sockets = [socket.create_server(("127.0.0.1", self.port))]
        threading.Thread(target=self.accept, args=self.sockets).start()

    def accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                pair = listener.accept()[0], socket.create_connection(self.to)
                self.sockets += pair
                for here, there in (pair, pair[::-1]):
                    threading.Thread(target=self.copy, args=(here, there)).start()

    def copy(self, here: socket.socket, there: socket.socket) -> None:
        with suppress(OSError), here, there:
            while data := here.recv(65536):
                there.sendall(data)

    def stop(self) -> None:
        """Close the port and all connections."""
        for each in self.sockets:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)  # wakes the thread that uses it
            each.close()


@contextmanager
def locked(url: str) -> Iterator[None]:
    """Hold a lock that every writer of items needs, in SQLite or PostgreSQL."""
    if url.startswith("sqlite"):
        file = url.removeprefix("sqlite:///")
        with closing(sqlite3.connect(file, timeout=60)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield
            connection.rollback()
        return
    with subprocess.Popen(
        [BINARIES[-1].with_name("psql"), "-q", url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as psql:
        assert psql.stdin
        assert psql.stdout
        psql.stdin.write("BEGIN; LOCK TABLE items; \\echo locked\n")
        psql.stdin.flush()
        assert psql.stdout.readline() == "locked\n"
        yield
        psql.stdin.close()


def migrated(project: Path, server: PostgreSQL) -> str:
    """Create a database, migrate it, and return its URL."""
    name = f"api_{uuid4().hex}"
    server.create(name)
    run("make", "migrate", cwd=project, DATABASE_URL=server.url(name))
    return server.url(name)


def children(process: int) -> list[int]:
    """Return the ids of a process's children."""
    listed = Path(f"/proc/{process}/task/{process}/children").read_text(encoding="ascii")
    return [int(child) for child in listed.split()]
