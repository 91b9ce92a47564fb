"""Run the collector of a project's tests in a process that can be frozen and killed."""

import json
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.installed import install
from tests.support.machine import environment, free_port

CODE = """
import json, sys, time
from dataclasses import asdict
from tests.chassis.collector import Collector, collecting

class Printing(Collector):
    def take(self, path, body):
        before = len(self.spans)
        super().take(path, body)
        time.sleep(float(sys.argv[2]))
        for span in self.spans[before:]:
            print(json.dumps(asdict(span)), flush=True)

with collecting(int(sys.argv[1])) as made:
    made.__class__ = Printing
    time.sleep(600)
"""


class Collector:
    """A collector that keeps its port when its process is restarted."""

    def __init__(self, project: Path, folder: Path) -> None:
        install(project)
        self.project, self.output, self.port = project, folder / "spans", free_port()
        self.output.touch()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def settings(self) -> dict[str, str]:
        """Return the variables of a server that sends to this collector, at short intervals."""
        return {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{self.port}",
            "OTEL_BSP_SCHEDULE_DELAY": "100",
            "OTEL_METRIC_EXPORT_INTERVAL": "500",
        }

    def start(self, delay: float = 0) -> None:
        """Start the process; each export takes `delay` seconds."""
        command = [self.project / ".venv/bin/python", "-c", CODE, str(self.port), str(delay)]
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                command, cwd=self.project, env=environment(), stdout=output
            )

    def send_signal(self, number: signal.Signals) -> None:
        assert self.process
        self.process.send_signal(number)

    def stop(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def spans(self) -> list[dict[str, Any]]:
        """Return the spans received so far."""
        lines = self.output.read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]

    def wait(self, found: Callable[[dict[str, Any]], object], seconds: float = 20) -> Any:
        """Wait for a span for which a function returns true, and return it."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for span in self.spans():
                if found(span):
                    return span
            time.sleep(0.05)
        raise AssertionError(f"no such span; there are {[span['name'] for span in self.spans()]}")
