"""Stands for netplan, ip and ping on a system in a folder: what is in force follows from the files there."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from trebol_common.run import Argument, CommandFailed, Completed

LARGEST_MTU = 9000
FOLDERS = ("lib", "etc", "run")


class NetworkPrograms:
    """`reachable` are the gateways that answer; `fails` what netplan apply is to fail with, once each."""

    def __init__(self, root: Path, reachable: set[str]) -> None:
        self.root = root
        self.reachable = reachable
        self.fails: list[BaseException] = []
        self.applied: list[str] = []
        self.seen: list[tuple[str, ...]] = []
        self.in_force = self._read(root)
        self.history = [self.in_force]
        self.mtus = {"nic0": 1500, "vmbr0": 1500}

    def run(self, command: Sequence[Argument], **options: Any) -> Completed:
        """See `Runner.run`."""
        arguments = tuple(os.fspath(argument) for argument in command)
        self.seen.append(arguments)
        match arguments:
            case ("netplan", "generate", "--root-dir", root):
                if "nonsense" in str(self._read(Path(root))):
                    wrong = (
                        f"{root}/etc/netplan/50-trebol.yaml:3:1: Error in network definition: unknown key 'nonsense'"
                    )
                    raise CommandFailed(
                        "netplan", 1, (wrong, "  nonsense: 1", "  ^", "Failed to send reload request")
                    )
                return Completed(0)
            case ("netplan", "generate"):
                if self.fails:
                    raise self.fails.pop()
                return Completed(0)
            case ("netplan", "apply", "--state", before):
                assert self._read(Path(before)) in self.history[-2:], "netplan is told what was there before"
                self.in_force = self._read(self.root)
                self.history.append(self.in_force)
                self.applied.append(self.gateway)
                # What nothing is said of stays as it is.
                self.mtus["vmbr0"] = int(self._bridge.get("mtu", self.mtus["vmbr0"]))
                if self.fails:
                    raise self.fails.pop()
                return Completed(0)
            case ("ip", "-4", "-json", "route", "show", "default"):
                routes = [{"gateway": self.gateway, "dev": "vmbr0"}] if self.gateway else []
                return Completed(0, json.dumps(routes))
            case ("ip", "-json", "link", "show"):
                return Completed(0, json.dumps([{"ifname": name, "mtu": mtu} for name, mtu in self.mtus.items()]))
            case ("ip", "link", "set", "dev", name, "mtu", mtu):
                if int(mtu) > LARGEST_MTU:
                    return Completed(2)
                self.mtus[name] = int(mtu)
                return Completed(0)
            case ("ip", *_others):
                return Completed(0, "[]")
            case ("ping", *_options, gateway):
                return Completed(0 if gateway in self.reachable else 1)
            case ("networkctl", "reload") | ("systemctl", "reload-or-restart", "systemd-resolved.service"):
                return Completed(0)
        raise AssertionError(f"unexpected: {arguments}")

    @property
    def gateway(self) -> str:
        """Of what is in force."""
        return str(next((route["via"] for route in self._bridge.get("routes", [])), ""))

    @property
    def _bridge(self) -> Mapping[str, Any]:
        return self.in_force.get("network", {}).get("bridges", {}).get("vmbr0", {})

    def _read(self, root: Path) -> dict[str, dict[str, dict[str, dict[str, list[dict[str, str]]]]]]:
        """As netplan does: of files with one name that of run, else of etc, else of lib."""
        files = {path.name: path for each in FOLDERS for path in (root / each / "netplan").glob("*.yaml")}
        merged: dict[str, dict[str, dict[str, dict[str, list[dict[str, str]]]]]] = {}
        for _name, path in sorted(files.items()):
            merged |= yaml.safe_load(path.read_text())
        return merged
