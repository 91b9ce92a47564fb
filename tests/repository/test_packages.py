""".ci/packages, run with stand-ins for commands that record their arguments."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.machine import environment
from tools.variants import TEMPLATE

EMULATOR = "google-cloud-cli-firestore-emulator"
NOTE = '#!/bin/sh\necho "${0##*/} $*" >> "$LOG"\n'
FAKES = {
    "apt-cache": '[ -n "$KNOWN" ]',
    "apt-get": "",
    "curl": "echo key",
    "gcloud": 'echo "$SDK"',
    "gpg": "cat >/dev/null",
    "install": "cat >/dev/null",
    "rm": "",
    "tee": 'cat >> "$LOG"',
    # The other programs that the script looks for.
    "chromium": "",
    "ls": "",
    "nginx": "",
    "npm": "",
    "pgbouncer": "",
    "promtool": "",
    "rsync": "",
    "wrk": "",
}


@pytest.fixture
def log(tmp_path: Path) -> Path:
    (tmp_path / "tools").mkdir()
    for tool, text in FAKES.items():
        (tmp_path / "tools" / tool).write_text(f"{NOTE}{text}\n")
        (tmp_path / "tools" / tool).chmod(0o755)
    # Report root, because sudo would run the real commands.
    (tmp_path / "tools/id").write_text("#!/bin/sh\necho 0\n")
    (tmp_path / "tools/id").chmod(0o755)
    for tool in ("bash", "sh", "env", "cat"):
        (tmp_path / "tools" / tool).symlink_to(shutil.which(tool) or tool)
    (tmp_path / "log").touch()
    return tmp_path / "log"


def packages(log: Path, **own: str) -> str:
    """Run .ci/packages with these commands only; return the calls that they recorded."""
    settings = {"PATH": str(log.parent / "tools"), "LOG": str(log), "KNOWN": "", "SDK": ""} | own
    done = subprocess.run(
        [TEMPLATE / ".ci/packages"], env=environment(**settings), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return log.read_text()


def test_a_missing_emulator_is_installed_from_google_s_archive(log: Path) -> None:
    noted = packages(log, SDK="/usr/no-such-sdk")
    (key,) = re.findall(r"\ndeb \[signed-by=(\S+)\] https://packages\.cloud\.google\.com/", noted)
    steps = (f"\ngpg .* {key}\n", "\ndeb ", "\napt-get .*update\n", f" install .*{EMULATOR}\n")
    assert re.search(".*".join(steps), noted, re.DOTALL)


def test_an_archive_that_apt_knows_is_not_added(log: Path) -> None:
    noted = packages(log, SDK="/usr/no-such-sdk", KNOWN="yes")
    assert f"install --no-install-recommends {EMULATOR}\n" in noted
    assert "curl" not in noted
    assert "tee" not in noted


def test_without_apt_the_missing_programs_are_named(log: Path) -> None:
    for tool in ("apt-get", "wrk"):
        (log.parent / "tools" / tool).unlink()
    with pytest.raises(
        AssertionError, match="needs Debian or Ubuntu.* Install these yourself: wrk"
    ):
        packages(log)
    assert "apt" not in log.read_text()


@pytest.mark.parametrize("gcloud", ["with the emulator", "none"])
def test_nothing_is_installed_if_nothing_is_missing(log: Path, gcloud: str) -> None:
    sdk = log.parent / "sdk"
    (sdk / "platform/cloud-firestore-emulator").mkdir(parents=True)
    if gcloud == "none":
        os.unlink(log.parent / "tools/gcloud")
    assert "apt" not in packages(log, SDK=str(sdk))
