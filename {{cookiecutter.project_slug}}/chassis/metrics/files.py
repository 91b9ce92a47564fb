"""Manage the metric files of a server's processes, in a folder that only this server uses.

Importing this module creates the folder. The folder must exist before any metric does, so
gunicorn.conf.py imports this module before the application.

Each worker writes to the files of its slot, which is a number. The next worker in the slot
continues these files. So counters keep their values when a worker ends, and there are few files.
"""

import atexit
import fcntl
import os
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

PREFIX = "flask-metrics-"
MASTER = "master"


def make_folder() -> Path:
    """Create a locked folder, in memory if possible; remove the folders of dead servers."""
    memory = Path("/dev/shm")
    base = memory if os.access(memory, os.W_OK) else Path(tempfile.gettempdir())
    for old in base.glob(f"{PREFIX}*"):
        # A server that has just created its folder may not have locked it yet.
        with suppress(OSError):
            if time.time() - old.stat().st_mtime > 60 and (held := lock(old)):
                shutil.rmtree(old, ignore_errors=True)
                os.close(held)
    made = Path(tempfile.mkdtemp(prefix=PREFIX, dir=base))
    lock(made)
    atexit.register(remove, made, os.getpid())
    return made


def lock(path: Path) -> int:
    """Lock a folder until this process and its forks have ended.

    Return the lock's file descriptor, or 0 if another server has the lock.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return 0
    return descriptor


def remove(path: Path, process: int) -> None:
    if os.getpid() == process:  # not a worker, which inherits this atexit function
        shutil.rmtree(path, ignore_errors=True)


folder = make_folder()
os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)

from prometheus_client import values  # noqa: E402
from prometheus_client.multiprocess import mark_process_dead  # noqa: E402

slot = MASTER  # of this process
values.ValueClass = values.MultiProcessValue(lambda: slot)  # type: ignore[no-untyped-call]


def assign(worker: Any, others: Any) -> None:
    """Assign the lowest free slot to a worker; call this before the fork."""
    taken = {each.slot for each in others}
    worker.slot = next(number for number in range(len(taken) + 1) if number not in taken)


def enter(worker: Any) -> None:
    """Write to the files of the worker's slot from now on; call this after the fork."""
    global slot
    slot = str(worker.slot)
    with suppress(OSError):  # a full disk must not stop the worker
        (folder / f"{slot}.pid").write_text(str(os.getpid()))


def leave(worker: Any) -> None:
    """Remove the gauges of a worker that has ended."""
    mark_process_dead(worker.slot, folder)  # type: ignore[no-untyped-call]
    (folder / f"{worker.slot}.pid").unlink(missing_ok=True)


def processes() -> dict[str, int]:
    """Return the process ids of the workers, by slot."""
    found = {}
    for file in sorted(folder.glob("*.pid")):
        with suppress(OSError, ValueError):  # the worker is starting or ending
            found[file.stem] = int(file.read_text())
    return found
