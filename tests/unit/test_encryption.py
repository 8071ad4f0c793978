"""LUKS: what is typed stays secret, and the node knows what to unlock."""

from __future__ import annotations

import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.unit.answer_files import answers, made_machine, manifest

from trebol_common.boot_menu import render_menu
from trebol_common.errors import Refused
from trebol_common.events import Context, Event, Kind
from trebol_common.run import ScriptedRunner
from trebol_hardware.machine import Firmware, FirmwareMode
from trebol_installer.execute import encryption
from trebol_installer.execute.state import Run
from trebol_installer.plan import plan
from trebol_installer.steps import BindToTpm, EncryptDevice, PartitionRef, WriteEncryption

PASSPHRASE = "a long enough phrase"


@pytest.fixture
def run(tmp_path: Path) -> Run:
    made = answers(("disk-setup.encryption", {"passphrase": PASSPHRASE}))
    return Run(
        plan=plan(made_machine(), answers(), manifest()),
        answers=made,
        machine=made_machine(),
        manifest=manifest(),
        medium=tmp_path / "medium",
        runner=ScriptedRunner(),
        context=Context(list[Event]().append),
        target=tmp_path / "target",
        logs=tmp_path / "logs",
        hashed=tmp_path / "block-sums",
    )


def test_a_container_is_made_and_opened_and_its_passphrase_shown_nowhere(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uuid, "uuid4", lambda: "5c06")
    runner, events = ScriptedRunner(), list[Event]()
    runner.expect(
        *("cryptsetup", "luksFormat", "--type", "luks2", "--batch-mode"),
        *("--uuid", "5c06", "--offset", "32768", "--key-file", "-", "/dev/mapper/below"),
    )
    runner.expect(
        *("cryptsetup", "open", "--type", "luks2", "--allow-discards"),
        *("--key-file", "-", "/dev/mapper/below", "trebol-crypt"),
    )
    runner.expect("cryptsetup", "close", "trebol-crypt")
    logged = replace(run, runner=runner).within(Context(events.append))

    encryption.encrypt_device(EncryptDevice("/dev/mapper/below", "trebol-crypt"), logged)
    logged.undo.close()

    assert logged.uuids == {"/dev/mapper/below": "5c06"}
    assert not runner.expected
    assert PASSPHRASE not in "".join(event.text for event in events if event.kind is Kind.LOG)


def test_the_node_knows_what_to_unlock(run: Run) -> None:
    part = PartitionRef("/dev/disk/by-id/virtio-d1", 3)
    run.uuids[str(part)] = "5c06"

    encryption.write_encryption(WriteEncryption((("trebol-crypt", part),)), run)

    assert run.inside("/etc/crypttab").read_text().splitlines()[1:] == [
        "trebol-crypt UUID=5c06 none luks,discard,initramfs"
    ]


def test_of_several_containers_the_passphrase_is_asked_for_once() -> None:
    lines = encryption.crypttab({"trebol-crypt1": "a", "trebol-crypt2": "b"}).splitlines()

    assert lines == [
        "trebol-crypt1 UUID=a trebol luks,discard,initramfs,keyscript=decrypt_keyctl",
        "trebol-crypt2 UUID=b trebol luks,discard,initramfs,keyscript=decrypt_keyctl",
    ]


def test_the_menu_loads_the_nodes_own_archive_over_the_initramfs() -> None:
    menu = render_menu(["6.12.1-amd64"], "root=/dev/x", more=("/trebol/node.img",))

    assert "    initrd /kernel/6.12.1-amd64/initrd.img /trebol/node.img\n}\n" in menu


def test_the_tpm_gets_a_key_of_its_own_in_place_of_those_it_had(run: Run) -> None:
    runner, events = ScriptedRunner(), list[Event]()
    listed = '1: tpm2 \'{"hash":"sha256"}\'\n2: tang \'{"url":"tang.example.org"}\'\n'
    runner.expect("clevis", "luks", "list", "-d", "/dev/mapper/below", stdout=listed)
    runner.expect("clevis", "luks", "unbind", "-d", "/dev/mapper/below", "-s", "1", "-f")
    runner.expect(
        *("clevis", "luks", "bind", "-y", "-k", "-", "-d", "/dev/mapper/below"),
        *("tpm2", '{"pcr_bank": "sha256", "pcr_ids": "7"}'),
    )

    encryption.bind_to_tpm(BindToTpm("/dev/mapper/below"), replace(run, runner=runner).within(Context(events.append)))

    assert not runner.expected
    assert PASSPHRASE not in repr(events)


TPM = ("disk-setup.encryption", {"passphrase": PASSPHRASE, "tpm2": True})


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"tpm": ""}, "this machine has no TPM; 2.0 is needed"),
        ({"tpm": "1.2"}, "the TPM of this machine is of version 1.2; 2.0 is needed"),
        ({"tpm": "2.0", "firmware": Firmware(FirmwareMode.BIOS)}, "by BIOS the TPM is not told what is booted"),
    ],
)
def test_a_tpm_that_cannot_keep_a_key_is_refused(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(Refused) as caught:
        plan(replace(made_machine(), **changes), answers(TPM), manifest())
    assert told in str(caught.value)
    assert "disk-setup.encryption.tpm2" in str(caught.value)


@pytest.mark.parametrize(("secure_boot", "warned"), [(True, False), (False, True), (None, True)])
def test_without_secure_boot_it_is_said_what_the_tpm_is_worth(secure_boot: bool | None, warned: bool) -> None:
    machine = replace(made_machine(), tpm="2.0", firmware=Firmware(FirmwareMode.UEFI, secure_boot))
    made = plan(machine, answers(TPM), manifest())
    bound = [step for step in made.steps if isinstance(step, BindToTpm)]
    (encrypted,) = (step for step in made.steps if isinstance(step, EncryptDevice))
    assert [step.device for step in bound] == [encrypted.device]
    assert any("Secure Boot is off" in warning for warning in made.warnings) == warned
