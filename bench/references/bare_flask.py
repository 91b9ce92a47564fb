"""Flask without anything: nothing is validated, documented, or added to an answer."""

from flask import Flask, request

app = Flask(__name__)


@app.get("/health")
def health():
    return {"status": "ok"}


@app.post("/api/v1/greetings")
def greet():
    return {"message": f"Hello, {request.get_json()['name']}!"}, 201
