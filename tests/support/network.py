"""Connect this machine to a network namespace with a delay.

As a program with the delay in seconds, this module forwards packets between the two ends until its
standard input closes.
"""

import fcntl
import heapq
import os
import select
import shutil
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import NamedTuple

from tests.support.machine import missing

# https://docs.kernel.org/networking/tuntap.html
TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000
# For tests of networks: https://www.rfc-editor.org/rfc/rfc2544#appendix-C.2.2
HERE, THERE = "198.18.0.1", "198.18.0.2"


class Far(NamedTuple):
    """The other end: its address, and the prefix that runs a command there."""

    address: str
    command: list[str]


@contextmanager
def far_away(seconds: float) -> Iterator[Far]:
    """Yield the far end of a network that delays each packet by `seconds` in each direction."""
    root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if not shutil.which("ip") or not Path("/dev/net/tun").exists():
        missing("ip with /dev/net/tun")
    if subprocess.run([*root, "true"], capture_output=True).returncode:
        missing("root, or sudo without a password")

    def ip(*command: str) -> None:
        subprocess.run([*root, "ip", *command], check=True)

    name = f"test-{os.getpid()}"
    ip("netns", "add", name)
    cable = [*root, sys.executable, "-m", "tests.support.network", str(seconds)]
    try:
        with subprocess.Popen(
            cable, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as ends:
            assert ends.stdin
            assert ends.stdout
            here, there = ends.stdout.readline().split()
            ip("link", "set", there, "netns", name)
            ip("addr", "add", HERE, "peer", THERE, "dev", here)
            ip("link", "set", here, "up")
            ip("-n", name, "addr", "add", THERE, "peer", HERE, "dev", there)
            ip("-n", name, "link", "set", there, "up")
            yield Far(THERE, [*root, "ip", "netns", "exec", name])
            ends.stdin.close()
    finally:
        ip("netns", "del", name)


def end() -> tuple[int, str]:
    """Create one end; return its file descriptor and its name."""
    device = os.open("/dev/net/tun", os.O_RDWR)
    request = struct.pack("16sH22x", b"tun%d", IFF_TUN | IFF_NO_PI)
    named = fcntl.ioctl(device, TUNSETIFF, request)
    return device, named[:16].rstrip(b"\0").decode()


def carry(seconds: float) -> None:
    """Forward packets between the ends after a delay, until standard input closes."""
    (here, its_name), (there, other_name) = end(), end()
    print(its_name, other_name, flush=True)
    under_way: list[tuple[float, int, int, bytes]] = []
    number = count()
    while True:
        wait = max(0, under_way[0][0] - time.monotonic()) if under_way else None
        readable, _, _ = select.select([here, there, sys.stdin], [], [], wait)
        if sys.stdin in readable:
            return
        for device in readable:
            other = there if device == here else here
            packet = os.read(device, 65536)
            heapq.heappush(under_way, (time.monotonic() + seconds, next(number), other, packet))
        while under_way and under_way[0][0] <= time.monotonic():
            _, _, device, packet = heapq.heappop(under_way)
            with suppress(OSError):  # an end that is not up yet loses the packet
                os.write(device, packet)


if __name__ == "__main__":
    carry(float(sys.argv[1]))
