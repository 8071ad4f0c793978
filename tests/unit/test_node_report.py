"""The node's report has no secrets."""

from __future__ import annotations

import pytest

from trebol_node.system import report


@pytest.mark.parametrize(
    "line",
    [
        "password=hunter2",
        'root-password = "hunter2"',
        '"token": "hunter2",',
        "Authorization: Bearer hunter2",
        "Authorization: PVEAPIToken=root@pam!ci=hunter2",
        "Cookie: PVEAuthCookie=PVE:root@pam:6AB13B80::hunter2",
        "root:$6$salt$hunter2:19000:0",
        "trebol.answer=https://me:hunter2@192.0.2.1/answer.toml",
        "api_key: hunter2",
        "CSRFPreventionToken: 6AB13B80:hunter2",
        "-----BEGIN EC PRIVATE KEY-----\nhunter2\n-----END EC PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\nhunter2",
        "client-secret='hunter2 and more hunter2'",
        "passphrase: hunter2",
    ],
)
def test_a_report_has_no_secrets(line: str) -> None:
    text = report.report([("a", f"before\n{line}\n"), ("b", ["after"])])
    assert "hunter2" not in text
    assert "before" in text and "after" in text


def test_a_long_word_does_not_hold_the_daemon_up() -> None:
    # Looked through anew for each of its characters, it would take hours.
    assert report.redacted("a" * 2**19 + " password=hunter2").endswith(" password=***")


def test_a_report_keeps_what_is_no_secret() -> None:
    text = "user root, tokens: 3 of them, https://192.0.2.1/a, 52:54:00:12:34:56"
    assert text in report.report([("a", text), ("b", {"c": 1}), ("d", []), ("e", [{"f": 1}])])
