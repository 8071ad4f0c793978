"""The lock: which version of each package a layer is made of.

It is what the mirror offered when the base was last built; a build whose lock and other inputs have a layer in the
store asks the mirror nothing. apt itself resolves, in folders of its own, so that the host's packages play no part.
"""

from __future__ import annotations

import email.utils
import re
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from trebol_common.errors import BadInput, Problem, TrebolError
from trebol_common.events import Context
from trebol_common.files import write_text
from trebol_common.run import CommandFailed, Runner
from trebol_image.mirror import COMPONENTS, Source, render_sources
from trebol_image.package_list import Wanted

#: What apt installs besides the lists: the same as mmdebstrap's variant "apt".
ESSENTIAL = ("?essential", "apt")


class Package(BaseModel):
    """One package of the lock; sizes in bytes, `installed` as its maintainer states it."""

    model_config = ConfigDict(frozen=True)

    name: str
    version: str
    architecture: str
    sha256: str
    size: int
    installed: int
    file: str


class Lock(BaseModel):
    """All packages that a layer adds, sorted by name. `epoch` is the newest date of the archives it came from."""

    model_config = ConfigDict(frozen=True)

    epoch: int
    packages: tuple[Package, ...]

    @property
    def download_size(self) -> int:
        """Bytes of all .deb files."""
        return sum(package.size for package in self.packages)

    @property
    def installed_size(self) -> int:
        """Bytes of the unpacked tree, as the packages state it."""
        return sum(package.installed for package in self.packages)

    def difference(self, older: Lock) -> str:
        """What changed since `older`, for the reason of a miss."""
        before = {package.name: package.version for package in older.packages}
        after = {package.name: package.version for package in self.packages}
        changes = [
            f"{name} {before.get(name, 'absent')} → {after.get(name, 'absent')}"
            for name in sorted(before.keys() | after.keys())
            if before.get(name) != after.get(name)
        ]
        more = f" and {len(changes) - 3} more" if len(changes) > 3 else ""
        return ", ".join(changes[:3]) + more


class Resolver:
    """apt in folders of its own below `folder`, installing from `sources` into nothing.

    With `status`, dpkg's record of a system, it installs into that one: only what is missing there.
    """

    def __init__(
        self,
        folder: Path,
        archives: Path,
        sources: Sequence[Source],
        runner: Runner,
        *,
        components: Sequence[str] = COMPONENTS,
        status: str = "",
    ) -> None:
        self._bottom = () if status else ESSENTIAL
        self._folder = folder
        self._archives = archives
        self._runner = runner
        self._config = folder / "apt.conf"
        for part in ("lists/partial", "nothing/partial", "state", "sources"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        (archives / "partial").mkdir(parents=True, exist_ok=True)
        write_text(folder / "sources" / "trebol.sources", render_sources(sources, components))
        write_text(folder / "state" / "status", status)
        write_text(
            self._config,
            f"""\
#clear APT::Architectures;
APT::Architecture "amd64";
APT::Architectures {{ "amd64"; }};
APT::Install-Recommends "false";
APT::Sandbox::User "root";
Acquire::Languages "none";
Acquire::Retries "3";
Dir::State "{folder}/state";
Dir::State::lists "{folder}/lists";
Dir::State::status "{folder}/state/status";
Dir::Cache "{folder}";
Dir::Cache::archives "{archives}";
Dir::Etc::main "/dev/null";
Dir::Etc::parts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::Etc::sourcelist "/dev/null";
Dir::Etc::sourceparts "{folder}/sources";
""",
        )

    def _run(self, *command: str, context: Context | None = None) -> str:
        on_line = context.log if context else None
        return self._runner.run(command, env={"APT_CONFIG": str(self._config)}, on_line=on_line).stdout

    def update(self) -> None:
        """Fetch the indexes. Raises TrebolError when a mirror cannot be reached."""
        try:
            self._run("apt-get", "update", "--quiet", "--option", "APT::Update::Error-Mode=any")
        except CommandFailed as error:
            said = [line for line in error.last_lines if line.startswith(("E:", "W:"))]
            raise TrebolError(
                "the Debian mirror cannot be used: " + "; ".join(said or error.last_lines),
                where="the host's apt sources",
                hint="check the network and that `apt-get update` works on this machine",
            ) from error

    def resolve(self, wanted: Sequence[Wanted]) -> Lock:
        """All packages that `wanted` needs, at the versions of the indexes. Raises BadInput for unknown packages."""
        names = [package.name for package in wanted]
        # Not --simulate: it walks the solution a second time, which takes apt 15 s. --print-uris lists only what the
        # archive folder lacks, so it gets an empty one.
        command = ["apt-get", "install", "--yes", "--print-uris", "--quiet=2"]
        empty = ["--option", f"Dir::Cache::archives={self._folder / 'nothing'}"]
        try:
            text = self._run(*command, *empty, *self._bottom, *names)
        except CommandFailed as error:
            raise BadInput.of(_unresolved(error, wanted)) from error
        chosen = re.findall(r"^'\S+' ([^_\s]+)_([^_\s]+)_", text, flags=re.MULTILINE)
        records = self._run(
            "apt-cache", "show", "--quiet", *(f"{name}={version.replace('%3a', ':')}" for name, version in chosen)
        )
        packages = {package.name: package for package in map(_package, records.strip().split("\n\n"))}
        return Lock(epoch=self._epoch(), packages=tuple(packages[name] for name in sorted(packages)))

    def fetch(self, wanted: Sequence[Wanted], lock: Lock, context: Context) -> None:
        """Download what the archive folder lacks, with progress in bytes."""
        command = ["apt-get", "install", "--download-only", "--yes", "--quiet", *self._bottom]
        self._download([*command, *(package.name for package in wanted)], lock, context)

    def fetch_exactly(self, lock: Lock, context: Context) -> tuple[Path, ...]:
        """The archives of the packages of `lock` and of no other, downloaded where they are missing."""
        names = [f"{package.name}={package.version}" for package in lock.packages]
        self._download(["apt-get", "download", "--quiet", *names], lock, context)
        return tuple(self._archives / archive_name(package) for package in lock.packages)

    def _download(self, command: Sequence[str], lock: Lock, context: Context) -> None:
        present = sum(package.size for package in lock.packages if (self._archives / archive_name(package)).is_file())
        context.progress(present, lock.download_size, "bytes")
        if present == lock.download_size:
            return
        sizes = {package.name: package.size for package in lock.packages}
        done = present

        def on_line(line: str) -> None:
            nonlocal done
            if match := re.match(r"Get:\d+ \S+ \S+ \S+ (\S+) ", line):
                done += sizes.get(match[1], 0)
                context.progress(done, lock.download_size, "bytes")

        try:
            # `apt-get download` writes to the folder it is in; `install` knows it from its configuration.
            self._runner.run(command, env={"APT_CONFIG": str(self._config)}, cwd=self._archives, on_line=on_line)
        except CommandFailed as error:
            raise TrebolError(
                "packages cannot be downloaded: " + "; ".join(error.last_lines),
                where="the host's apt sources",
                hint="run the build again; what is already here is kept",
            ) from error

    def _epoch(self) -> int:
        dates = []
        for path in (self._folder / "lists").glob("*InRelease"):
            if match := re.search(r"^Date: (.+)$", path.read_text(encoding="utf-8"), flags=re.MULTILINE):
                dates.append(int(email.utils.parsedate_to_datetime(match[1]).timestamp()))
        return max(dates)


def archive_name(package: Package) -> str:
    """The name under which apt keeps a package's file: the epoch's colon escaped."""
    return f"{package.name}_{package.version.replace(':', '%3a')}_{package.architecture}.deb"


def _package(record: str) -> Package:
    fields = dict(re.findall(r"^(\S+): (.*)$", record, flags=re.MULTILINE))
    return Package(
        name=fields["Package"],
        version=fields["Version"],
        architecture=fields["Architecture"],
        sha256=fields["SHA256"],
        size=int(fields["Size"]),
        installed=int(fields.get("Installed-Size", "0")) * 1024,
        file=fields["Filename"],
    )


def _unresolved(error: CommandFailed, wanted: Sequence[Wanted]) -> list[Problem]:
    """apt's complaints as problems that name the list and line of each package."""
    places = {package.name: package.where for package in wanted}
    problems = []
    for line in error.last_lines:
        match = re.match(r"E: (?:Unable to locate package|Package '?)(?:\s*)([^\s']+)", line)
        if match:
            problems.append(
                Problem(
                    f"package {match[1]} does not exist in Debian 13",
                    places.get(match[1], "iso/packages"),
                    "correct or remove the line",
                )
            )
    return problems or [
        Problem(f"apt finds no solution: {' '.join(error.last_lines)}", "iso/packages", "see apt's words")
    ]
