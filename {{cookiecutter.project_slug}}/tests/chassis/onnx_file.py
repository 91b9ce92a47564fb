"""Write small models in ONNX's format: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto."""

from collections.abc import Mapping

FLOAT, INT64 = 1, 7


def varint(number: int) -> bytes:
    last = number < 128
    return bytes([number]) if last else bytes([number % 128 + 128]) + varint(number // 128)


def field(place: int, value: int | str | bytes) -> bytes:
    """Return a field of a message in protobuf's format."""
    if isinstance(value, int):
        return varint(place << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(place << 3 | 2) + varint(len(data)) + data


def tensor(name: str, kind: int, columns: int, rows: int | None) -> bytes:
    """Return a description of a matrix; None is any number of rows."""
    shape = field(1, field(1, rows) if rows else field(2, "rows")) + field(1, field(1, columns))
    return field(1, name) + field(2, field(1, field(1, kind) + field(2, shape)))


def attribute(name: str, value: int) -> bytes:
    return field(5, field(1, name) + field(3, value) + field(20, 2))


def softmax(
    inputs: Mapping[str, int], kind: int = FLOAT, opset: int = 13, rows: int | None = None
) -> bytes:
    """Return a model whose output `probabilities` is the softmax of its inputs, side by side.

    `inputs` maps their names to their numbers of columns.
    """
    names = b"".join(field(1, name) for name in inputs)
    nodes = [
        names + field(2, "all") + field(4, "Concat") + attribute("axis", 1),
        field(1, "all") + field(2, "floats") + field(4, "Cast") + attribute("to", FLOAT),
        field(1, "floats") + field(2, "probabilities") + field(4, "Softmax"),
    ]
    graph = b"".join(field(1, node) for node in nodes) + field(2, "softmax")
    graph += b"".join(field(11, tensor(name, kind, width, rows)) for name, width in inputs.items())
    graph += field(12, tensor("probabilities", FLOAT, sum(inputs.values()), rows))
    return field(1, 8) + field(7, graph) + field(8, field(2, opset))
