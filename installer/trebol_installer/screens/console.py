"""The screens on a console of the live system: the first one is drawn before what the others need is loaded."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from trebol_common.run import CommandRunner
from trebol_common.tui.app import App
from trebol_installer import live
from trebol_installer.screens.first import First

#: What keeps the service manager from writing to the consoles (systemd(1), "Signals").
NO_STATUS = signal.SIGRTMIN + 21


def run() -> int:
    """On stdin and stdout, to the end; the exit status."""
    _heed_keys()
    _silence_others()
    first = First(os.ttyname(0).removeprefix("/dev/"), begin=lambda: live.begin_devices(CommandRunner()))
    try:
        App(first, shell=True).run()
    except KeyboardInterrupt:
        return 130
    return 0


def _heed_keys() -> None:
    """Ctrl+C counts again, and Ctrl+\\ in a shell of these screens: what is started in the background ignores them,
    and so does whatever that starts (POSIX, sh, "Asynchronous Lists")."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)


def _silence_others() -> None:
    """Neither service manager nor kernel (proc(5), /proc/sys/kernel/printk) writes over the screens any more."""
    os.kill(1, NO_STATUS)
    Path("/proc/sys/kernel/printk").write_text("1\n", encoding="ascii")
