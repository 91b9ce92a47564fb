"""Metrics of the datastore."""

import socket

from .test_metrics import metered, soon


def test_a_datastore_that_does_not_respond_opens_a_breaker() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = "{}:{}".format(*silent.getsockname())
        # % if cookiecutter.datastore == "sql"
        away = {"DATABASE_URL": f"postgresql://{address}/nowhere"}
        # % else
        away = {"FIRESTORE_EMULATOR_HOST": address, "GOOGLE_CLOUD_PROJECT": "tests"}
        # % endif
        with metered(**away, DATASTORE_TIMEOUT="1", WORKERS="1", THREADS="4") as found:
            assert soon(lambda: found.samples("datastore_permits") == {(): 3})
            assert found.samples("datastore_open_breakers") == {(): 0}
            assert found.server.get("/ready").status == 503
            assert soon(lambda: found.samples("datastore_open_breakers") == {(): 1})
            assert soon(lambda: found.samples("datastore_permits_in_use") == {(): 0})
