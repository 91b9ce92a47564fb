"""The project, with a view that waits for something for 50 ms."""

from time import sleep

from wsgi import app


@app.get("/slow")
def slow():
    sleep(0.05)
    return {"status": "ok"}
