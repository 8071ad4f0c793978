"""The OpenAPI document: it describes what is there, and whatever fits it, or does not, is never a server error."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from tests.unit.api_node import ROOT_PASSWORD
from tests.unit.shown_node import NODE, Shown, served_node, shown_node

PREFIX = "/api2/json"

#: Of each operation: in this process, and by the wire, which adds little that an application would not meet anyway.
EXAMPLES, OVER_TLS = 3, 1

#: Steps of a join: a token of the cluster opens them to nodes that are of none yet.
BY_TOKEN = (
    *("hello", "prove", "admit", "keys", "store", "corosync", "vote", "end", "undo"),
    *("members", "preflight", "measured"),
    *("witness/admit", "witness/ready", "witness/leave"),
)

#: Seconds for an answer.
TIMEOUT = 30

#: The store, the worker or a value is not there: said so, and no fault.
NOT_FAULTS = (503, 507)


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    with shown_node(tmp_path_factory.mktemp("node"), clustered=True) as found:
        yield found


@pytest.fixture(scope="module")
def document(node: Shown) -> dict[str, Any]:
    found: dict[str, Any] = node.root.get("/api2/openapi.json").json()
    return found


def test_it_says_what_an_operation_takes_and_needs(document: dict[str, Any]) -> None:
    operation = document["paths"][f"{PREFIX}/access/users"]["post"]
    form = operation["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"]
    assert "userid" in form["required"]
    assert form["additionalProperties"] is False
    assert operation["security"] == [{"token": []}, {"ticket": [], "csrf": []}]
    resources = document["paths"][f"{PREFIX}/cluster/resources"]["get"]
    assert [each["name"] for each in resources["parameters"]] == ["type"]
    assert "Sys.Audit" in document["paths"][f"{PREFIX}/cluster/status"]["get"]["description"]


def test_every_path_that_is_not_for_the_world_needs_somebody(node: Shown, document: dict[str, Any]) -> None:
    open_ones = {
        (path, method)
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        if not operation.get("security")
    }
    # The document says itself that they are.
    for name in BY_TOKEN:
        operation = document["paths"][f"{PREFIX}/cluster/joins/{name}"]["post"]
        assert operation["security"] == [] and "a token of the cluster" in operation["description"]
    assert open_ones == {
        *((f"{PREFIX}/cluster/joins/{name}", "post") for name in BY_TOKEN),
        (f"{PREFIX}/access/domains", "get"),
        (f"{PREFIX}/access/ticket", "get"),
        (f"{PREFIX}/access/ticket", "post"),
        ("/metrics", "get"),  # Which signs in on its own.
    }
    for path, operations in document["paths"].items():
        for method in operations:
            if (path, method) not in open_ones:
                refused = node.nobody.request(method, path.replace("{", "x").replace("}", "x"))
                assert refused.status_code == 401, (method, path)


def test_no_operation_takes_what_it_does_not_know(node: Shown, document: dict[str, Any]) -> None:
    for path, operations in document["paths"].items():
        target = path.replace("{node}", NODE).replace("{", "x").replace("}", "x")
        for method in operations:
            by: dict[str, Any] = {"params" if method in ("get", "delete") else "data": {"nonsense": "1"}}
            answer = node.root.request(method, target, **by)
            assert answer.status_code == 400, (method, path, answer.text)
            assert "nonsense" in answer.json()["errors"], (method, path)


def test_nothing_that_fits_the_document_is_a_server_error(node: Shown, document: dict[str, Any]) -> None:
    def send(request: requests.PreparedRequest) -> Answer:
        assert request.method is not None and request.url is not None
        answer = node.root.request(
            request.method, request.url, headers=dict(request.headers), content=request.body or b""
        )
        return Answer(answer.status_code, answer.headers["content-type"], answer.text)

    try_all_out(document, "http://node1", send, EXAMPLES)


def test_nor_is_it_behind_tls_for_a_client_with_a_ticket(tmp_path: Path, document: dict[str, Any]) -> None:
    with served_node(tmp_path) as served, requests.Session() as session:
        # What an environment says of other certificates does not count.
        session.trust_env, session.verify = False, str(served.certificate)
        url = f"https://127.0.0.1:{served.port}"
        signed_in = session.post(
            f"{url}{PREFIX}/access/ticket", {"username": "root@pam", "password": ROOT_PASSWORD}, timeout=TIMEOUT
        ).json()["data"]
        own = {"CSRFPreventionToken": signed_in["CSRFPreventionToken"]}

        def send(request: requests.PreparedRequest) -> Answer:
            # What a case says of the one who asks is replaced: it would be nobody.
            request.headers.pop("Authorization", None)
            request.headers.update(own, Cookie=f"PVEAuthCookie={signed_in['ticket']}")
            answer = session.send(request, timeout=TIMEOUT)
            return Answer(answer.status_code, answer.headers["content-type"], answer.text)

        try_all_out(document, url, send, OVER_TLS)


@dataclass(frozen=True)
class Answer:
    """What came back, by whatever way."""

    status: int
    kind: str
    text: str


def try_all_out(
    document: dict[str, Any], url: str, send: Callable[[requests.PreparedRequest], Answer], examples: int
) -> None:
    """A few cases of each operation; each answer is one that the shape allows, and none a fault of the node's."""
    for found in schemathesis.openapi.from_dict(document).get_all_operations():
        try_out(found.ok(), url, send, examples)  # type: ignore[union-attr]


def try_out(
    operation: schemathesis.APIOperation[Any, Any, Any],
    url: str,
    send: Callable[[requests.PreparedRequest], Answer],
    examples: int,
) -> None:
    """The cases of one operation."""

    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        derandomize=True,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def one(case: schemathesis.Case) -> None:
        request = requests.Request(**case.as_transport_kwargs(base_url=url)).prepare()
        answer = send(request)
        assert answer.status < 500 or answer.status in NOT_FAULTS, (request.url, request.body, answer)
        if answer.kind == "application/json;charset=UTF-8":
            assert "data" in json.loads(answer.text)

    one()
