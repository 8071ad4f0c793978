"""What the answer file left for the first boot is done once, through a power cut, and its end is told."""

from __future__ import annotations

import pytest
from tests.e2e.cases import DHCP_ADDRESS
from tests.e2e.first_boot import MAY_END, RUNS, TIME_SERVER, TOKEN, FirstBoot

from trebol_common.first_boot import FOLDER, PENDING, Stage
from trebol_common.run import CommandFailed
from trebol_firstboot.unattended.journal import DONE
from trebol_firstboot.unattended.log import LOG


def states(first_boot: FirstBoot) -> dict[str, str]:
    return {step["task"]: step["state"] for step in first_boot.json(f"cat /{DONE}")["steps"]}


def test_the_installation_fetched_the_executable_before_anything_was_written(first_boot: FirstBoot) -> None:
    text = first_boot.installation
    assert 0 < text.index("✓ Fetch what the first boot runs from http://10.0.2.4") < text.index("✓ Partition ")


def test_the_executable_ran_with_the_network_up_and_once(first_boot: FirstBoot) -> None:
    (run,) = first_boot.ssh(f"cat {RUNS}").splitlines()
    # The network of tests leads nowhere else: DHCP gives an address there, and no router.
    assert " ".join(run.split()).startswith(f"run: vmbr0 UP {DHCP_ADDRESS}/")


def test_the_marker_says_how_each_task_ended(first_boot: FirstBoot) -> None:
    assert first_boot.json(f"cat /{DONE}")["state"] == "interrupted"
    assert states(first_boot) == {
        "executable": "interrupted",
        "time-servers": "done",
        "cluster": "done",
        "reboot": "skipped",
    }


def test_the_status_is_told_with_an_exit_status(first_boot: FirstBoot) -> None:
    with pytest.raises(CommandFailed) as caught:
        first_boot.ssh("trebol firstboot status")
    assert caught.value.status == 1
    assert "it is not run twice" in " ".join(" ".join(caught.value.last_lines).split())


def test_the_console_says_that_it_was_interrupted(first_boot: FirstBoot) -> None:
    shown = first_boot.ssh("trebol firstboot banner")
    assert "First boot   interrupted: executable - see: trebol firstboot status" in shown


def test_chrony_asks_the_time_server(first_boot: FirstBoot) -> None:
    assert TIME_SERVER in first_boot.ssh("chronyc -n sources -a || true; cat /etc/chrony/sources.d/trebol.sources")


def test_the_log_has_what_the_script_said_and_no_other_user_can_read_it(first_boot: FirstBoot) -> None:
    assert "said by the script" in first_boot.ssh(f"cat /{LOG}")
    assert first_boot.ssh(f"stat --format=%a /{LOG} /{FOLDER}").split() == ["600", "700"]


def test_the_token_of_the_url_is_nowhere(first_boot: FirstBoot) -> None:
    assert TOKEN not in first_boot.installation + first_boot.cut_off + first_boot.console
    found = first_boot.ssh(f"grep --recursive --files-with-matches {TOKEN} /var/log/trebol /{FOLDER} /etc || true")
    assert found == ""


def test_no_boot_begins_with_it_again(first_boot: FirstBoot) -> None:
    links = " ".join(f"/{stage.link}" for stage in Stage)
    assert first_boot.ssh(f"ls /{PENDING} {links} 2>/dev/null || true") == ""


def test_somebody_can_have_it_run_again(first_boot: FirstBoot) -> None:
    first_boot.ssh(f"touch {MAY_END} && trebol firstboot run --again")

    assert states(first_boot)["executable"] == "done"
    assert len(first_boot.ssh(f"cat {RUNS}").splitlines()) == 2
    assert first_boot.json("trebol firstboot status --json")["state"] == "done"
