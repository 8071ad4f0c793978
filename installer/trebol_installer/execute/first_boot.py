"""What is left for the node's first boot: the executable, got before anything is written, and what else to do."""

from __future__ import annotations

from trebol_common.answer_slot import executable_in
from trebol_common.answers.first_boot import FirstBoot, FirstBootSource
from trebol_common.errors import BadInput
from trebol_common.files import write_text
from trebol_common.first_boot import EXECUTABLE, LARGEST, PENDING, TO_DO, is_executable, to_json
from trebol_common.i18n import _
from trebol_common.medium import SLOT
from trebol_installer import live
from trebol_installer.execute.configure import PRIVATE_FILE, PRIVATE_FOLDER
from trebol_installer.execute.state import Run
from trebol_installer.sources import fetch
from trebol_installer.steps import GetExecutable, WriteFirstBoot


def get_executable(step: GetExecutable, run: Run) -> None:
    """See `GetExecutable`. Raises BadInput where there is none, or it is nothing that can be run."""
    wanted = run.answers.first_boot
    assert wanted is not None
    if wanted.source is FirstBootSource.ISO:
        content, where = _from_medium(run), _("the medium's answer slot")
    else:
        content, where = _from_url(wanted, run), step.place
    if not is_executable(content):
        hint = _("a script begins with #! and the path of its interpreter, such as #!/bin/sh")
        raise BadInput(_("is neither a script nor a program"), where=where, hint=hint)
    run.fetched[EXECUTABLE] = content


def _from_medium(run: Run) -> bytes:
    slot = run.medium / SLOT
    try:
        content = executable_in(slot.read_bytes())
    except OSError as error:
        raise BadInput(_("cannot be read: {reason}").format(reason=error.strerror), where=str(slot)) from error
    if content is None:
        hint = _("seed it with: trebol image seed ISO answer.toml --first-boot FILE")
        raise BadInput(_("the medium holds no executable"), where="first-boot.source", hint=hint)
    return content


def _from_url(wanted: FirstBoot, run: Run) -> bytes:
    assert wanted.url is not None
    live.await_network(run.runner)
    return fetch(
        wanted.url.get_secret_value(),
        most=LARGEST,
        hint=_("check {key}, the network and the server; then start again").format(key="first-boot.url"),
        fingerprint=wanted.cert_fingerprint,
        secret=True,
    )


def write_first_boot(step: WriteFirstBoot, run: Run) -> None:
    """See `WriteFirstBoot`. What makes the node begin with it comes last."""
    to_do = run.inside(TO_DO)
    to_do.parent.mkdir(parents=True, exist_ok=True)
    to_do.parent.chmod(PRIVATE_FOLDER)
    if step.to_do.executable is not None:
        executable = run.inside(EXECUTABLE)
        executable.write_bytes(run.fetched[EXECUTABLE])
        executable.chmod(PRIVATE_FOLDER)
    write_text(to_do, to_json(step.to_do), mode=PRIVATE_FILE)
    for stage in step.to_do.stages:
        link = run.inside(stage.link)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(f"/usr/lib/systemd/system/{stage.unit}")
    write_text(run.inside(PENDING), "", mode=PRIVATE_FILE)
