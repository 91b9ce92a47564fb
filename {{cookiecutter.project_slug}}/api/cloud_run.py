"""What is different on Cloud Run: https://cloud.google.com/run/docs/container-contract."""

from collections.abc import Mapping

# Where one of these is set, the process runs there, in a service or in a job.
MARKS = ("K_SERVICE", "CLOUD_RUN_JOB")
DEFAULTS = {
    "ACCESS_LOG": "off",  # the platform writes a line for each request
    "TIMEOUT": "0",  # an idle instance gets no CPU, so its processes seem to hang
    "TRUSTED_PROXIES": "1",  # the platform's own
}


def adapt(environ: Mapping[str, str]) -> Mapping[str, str]:
    """Give the environment, on Cloud Run with the defaults that fit it.

    Raises SystemExit for what would lose data there.
    """
    if not any(map(environ.get, MARKS)):
        return environ
    # % if cookiecutter.datastore == "sql"
    if (environ.get("DATABASE_URL") or "sqlite:").startswith("sqlite:"):
        raise SystemExit(
            "DATABASE_URL: on Cloud Run, files are in memory and are lost with the instance, SQLite's "
            "too: use postgresql://user:password@host/database."
        )
    # % elif cookiecutter.datastore == "firestore"
    if environ.get("FIRESTORE_EMULATOR_HOST"):
        raise SystemExit(
            "FIRESTORE_EMULATOR_HOST: on Cloud Run, the emulator would lose the data: unset it."
        )
    # % endif
    return DEFAULTS | {name: text for name, text in environ.items() if text}
