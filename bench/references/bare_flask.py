"""Serve with bare Flask: no validation, no document, no additional headers."""

from flask import Flask, request

app = Flask(__name__)


@app.get("/health")
def health():
    return {"status": "ok"}


@app.post("/api/v1/greetings")
def greet():
    return {"message": f"Hello, {request.get_json()['name']}!"}, 201
