"""One JSON object per line, over a unix socket.

    → {"id": 1, "operation": "time-zone", "who": "root@pam", "arguments": {"timezone": "Europe/Madrid"}}
    ← {"id": 1, "result": null}
    ← {"id": 1, "error": {"kind": "NotFound", "problems": [{"what": "…", "where": "timezone", "hint": ""}]}}

Answers come as they are ready, in any order. After a line that is no request at all the connection ends.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from trebol_common.errors import BadInput, TrebolError
from trebol_node.worker.errors import to_members
from trebol_node.worker.operation import Operation, problems
from trebol_node.worker.operations import OPERATIONS

SOCKET = Path("/run/trebol/worker.sock")

#: Bytes of a request and of an answer, with the line's end.
REQUEST = 512 * 1024
ANSWER = 4 * 1024 * 1024


class Malformed(BadInput):
    """Not even a request: who sends this speaks another language."""


class Envelope(BaseModel):
    """What is around an operation; `who` asks for it, as far as the other side knows."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)

    id: int
    operation: str = Field(max_length=64)
    who: str = Field(min_length=1, max_length=128, pattern=r"\A[A-Za-z0-9_.@!+-]+\z")
    arguments: dict[str, Any]


@dataclass(frozen=True)
class Request:
    """One request, checked."""

    id: int
    who: str
    operation: Operation


def request_line(number: int, operation: Operation, who: str) -> bytes:
    """The line that asks for `operation`. Raises BadInput where it is too long."""
    members = {"id": number, "operation": operation.name, "who": who, "arguments": operation.arguments()}
    line = json.dumps(members).encode() + b"\n"
    if len(line) > REQUEST:
        raise BadInput(f"more than {REQUEST} bytes", where=operation.name)
    return line


def read_envelope(line: bytes) -> Envelope:
    """From a line. Raises Malformed."""
    try:
        return Envelope.model_validate(json.loads(line))
    except ValidationError as error:
        raise Malformed.of(problems(error)) from None
    except (ValueError, RecursionError):
        raise Malformed("not a line of JSON") from None


def read_request(envelope: Envelope) -> Request:
    """The operation that is asked for. Raises BadInput, with every argument that is wrong."""
    model = OPERATIONS.get(envelope.operation)
    if model is None:
        raise BadInput(f"no operation {envelope.operation!r}", where="operation")
    return Request(envelope.id, envelope.who, model.of(**envelope.arguments))


def result_line(number: int, result: Any) -> bytes:
    """The line that answers request `number`. Raises TrebolError where it is too long."""
    line = json.dumps({"id": number, "result": result}).encode() + b"\n"
    if len(line) > ANSWER:
        raise TrebolError(f"the answer has more than {ANSWER} bytes")
    return line


def error_line(number: int | None, error: TrebolError) -> bytes:
    """The line that says that request `number` failed, or that whatever came was no request."""
    return json.dumps({"id": number, "error": to_members(error)}).encode() + b"\n"
