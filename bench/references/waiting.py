"""Serve the project with an additional view that waits for 50 ms."""

from time import sleep

from wsgi import app


@app.get("/slow")
def slow():
    sleep(0.05)
    return {"status": "ok"}
