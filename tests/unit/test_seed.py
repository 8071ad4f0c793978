"""Seeding patches an answer file into a medium in place, and nothing else, however it ends."""

from __future__ import annotations

import errno
import fcntl
import json
import os
from pathlib import Path
from typing import BinaryIO

import pytest
from tests.unit.answer_files import STATIC, changed
from tests.unit.media import MEDIUM_ID, bare_medium

from trebol_common.answer_slot import executable_in, pack
from trebol_common.cli import run
from trebol_common.errors import BadInput, Refused, TrebolError
from trebol_common.medium import SLOT_SIZE, DamagedMedium
from trebol_image import grubenv
from trebol_image import seed as seed_module
from trebol_image.iso9660 import Extent
from trebol_image.seed import Seed, clear_seed, console_words, kernel_words, make_seed, read_seed, write_seed
from trebol_image.target import refuse_mounted


@pytest.fixture
def medium(tmp_path: Path) -> Path:
    return bare_medium(tmp_path / "trebol.iso")


@pytest.fixture
def answer(tmp_path: Path) -> Path:
    path = tmp_path / "answer.toml"
    path.write_text(STATIC)
    return path


def test_a_seeded_medium_holds_the_answer_file_and_starts_by_itself(medium: Path, answer: Path) -> None:
    made, _ = make_seed(answer, console="ttyS0", words="trebol.verify panic=5")
    write_seed(medium, made)
    found = read_seed(medium)
    assert found.answer == STATIC
    assert found.medium_id == MEDIUM_ID
    assert found.environment == {
        "trebol_timeout": "1",
        "trebol_entry": "install",
        "trebol_words": "console=tty0 console=ttyS0,115200n8 trebol.verify panic=5",
    }


def test_a_seeded_medium_holds_what_the_first_boot_runs(medium: Path, answer: Path, tmp_path: Path) -> None:
    answer.write_text(changed(("first-boot", {"source": "from-iso"})))
    script = tmp_path / "first-boot"
    script.write_bytes(b"#!/bin/sh\n\0\0binary\0")

    write_seed(medium, make_seed(answer, first_boot=script)[0])
    found = read_seed(medium)
    assert (found.answer, found.first_boot) == (answer.read_text(), script.read_bytes())

    write_seed(medium, Seed(STATIC))
    assert read_seed(medium).first_boot is None


@pytest.mark.parametrize(
    ("wanted", "script", "told"),
    [
        ({"source": "from-iso"}, None, "wants an executable on the medium"),
        ({"updates": True}, b"#!/bin/sh\n", "does not want an executable on the medium"),
        ({"source": "from-iso"}, b"echo hello\n", "is neither a script"),
        ({"source": "from-iso"}, b"#!" + bytes(SLOT_SIZE), 'or serve it: source = "from-url"'),
        ({"source": "from-iso"}, b"#!" + bytes(2**20), "is larger than 1048576 bytes"),
    ],
    ids=["none", "not wanted", "no script", "no place", "too large"],
)
def test_an_executable_that_cannot_go_onto_the_medium_is_told(
    answer: Path, tmp_path: Path, wanted: dict[str, object], script: bytes | None, told: str
) -> None:
    answer.write_text(changed(("first-boot", wanted)))
    path = None if script is None else tmp_path / "first-boot"
    if path is not None and script is not None:
        path.write_bytes(script)

    with pytest.raises(BadInput) as caught:
        make_seed(answer, first_boot=path)
    assert told in str(caught.value)


def test_an_executable_that_is_damaged_on_the_medium_is_told() -> None:
    slot = bytearray(pack(b"[global]", b"#!/bin/sh\nexit 0\n"))
    assert executable_in(bytes(slot)) == b"#!/bin/sh\nexit 0\n"
    assert executable_in(b"\0" + bytes(slot[1:])) is None, "a seeding that was cut off"
    slot[slot.index(b"exit 0")] = ord("E")

    with pytest.raises(DamagedMedium, match="is damaged"):
        executable_in(bytes(slot))


def test_only_slot_and_environment_change(medium: Path, answer: Path) -> None:
    before = medium.read_bytes()
    write_seed(medium, make_seed(answer)[0])
    after = medium.read_bytes()
    changed = {index for index in range(len(before)) if before[index] != after[index]}
    assert changed
    assert changed <= {*range(65_536, 65_536 + SLOT_SIZE), *range(400_000, 400_000 + grubenv.SIZE)}
    clear_seed(medium)
    assert medium.read_bytes() == before


def test_a_shorter_answer_file_leaves_nothing_of_a_longer_one(medium: Path) -> None:
    write_seed(medium, Seed("x" * 5000))
    write_seed(medium, Seed("short"))
    assert read_seed(medium).answer == "short"
    assert b"x" * 20 not in medium.read_bytes()


def test_without_autostart_the_menu_waits_for_a_person(medium: Path, answer: Path) -> None:
    write_seed(medium, make_seed(answer, autostart=False)[0])
    assert read_seed(medium).environment["trebol_timeout"] == "-1"


@pytest.mark.parametrize("writes", range(4))
@pytest.mark.parametrize("before", ["", "old " * 2000])
def test_interrupted_anywhere_a_medium_never_starts_with_half_an_answer_file(
    medium: Path, monkeypatch: pytest.MonkeyPatch, writes: int, before: str
) -> None:
    if before:
        write_seed(medium, Seed(before))
    real = seed_module._write
    done = 0

    def write_then_fail(stream: BinaryIO, extent: Extent, content: bytes) -> None:
        nonlocal done
        if done == writes:
            real(stream, extent, content[: len(content) // 2])
            raise OSError(errno.EIO, "pulled out")
        done += 1
        real(stream, extent, content)

    monkeypatch.setattr(seed_module, "_write", write_then_fail)
    new = "new " * 3000
    with pytest.raises(TrebolError) as caught:
        write_seed(medium, Seed(new))
    assert f"{medium}: cannot be written: pulled out" in str(caught.value)
    monkeypatch.undo()
    found = read_seed(medium)
    starts_by_itself = found.environment.get("trebol_timeout") not in (None, "-1")
    assert not starts_by_itself or found.answer in (before, new)
    assert found.answer in (None, before, new)
    write_seed(medium, Seed(new))
    assert read_seed(medium).answer == new


@pytest.mark.parametrize(
    ("console", "words"),
    [
        (None, ()),
        ("ttyS0", ("console=tty0", "console=ttyS0,115200n8")),
        ("ttyS1,57600", ("console=tty0", "console=ttyS1,57600")),
        ("hvc0", ("console=tty0", "console=hvc0")),
        ("tty0", ("console=tty0",)),
    ],
)
def test_the_screen_stays_a_console(console: str | None, words: tuple[str, ...]) -> None:
    assert console_words(console) == words


@pytest.mark.parametrize("console", ["", "S0", "ttyS0 quiet", "ttyS0,fast", "/dev/ttyS0"])
def test_what_is_no_console_is_refused(console: str) -> None:
    with pytest.raises(BadInput, match="not a console"):
        console_words(console)


def test_words_with_a_url_pass() -> None:
    words = "trebol.answer=https://192.0.2.1:8443/a%20b?node=1&x=~y panic=5"
    assert kernel_words(words) == tuple(words.split())


@pytest.mark.parametrize("word", ['a"b', "a'b", "a\\b", "$x", "a{b}", "a#b", "a|b", "a>b", "ñ"])
def test_words_that_grub_would_read_differently_are_refused(word: str) -> None:
    with pytest.raises(BadInput, match="boot loader"):
        kernel_words(f"quiet {word}")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"[global]\n", "global.fqdn: missing"),
        (b"\xff\xfe", "not UTF-8"),
        (b"a = 1\0", "NUL"),
        (b"# \n" * 100_000, "is larger than 262144 bytes"),
        (changed(("checks.mute", ["kvm-usabel"])).encode(), "bad.toml: checks.mute: 'kvm-usabel': no such check"),
    ],
)
def test_a_bad_answer_file_leaves_the_medium_as_it_was(
    medium: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes, says: str
) -> None:
    before = medium.read_bytes()
    bad = tmp_path / "bad.toml"
    bad.write_bytes(content)
    assert run(["image", "seed", str(medium), str(bad)]) == 2
    assert says in capsys.readouterr().err
    assert medium.read_bytes() == before


def test_a_byte_order_mark_does_no_harm(medium: Path, tmp_path: Path) -> None:
    path = tmp_path / "answer.toml"
    path.write_text(STATIC, encoding="utf-8-sig")
    assert make_seed(path)[0].answer == STATIC


def test_what_is_no_medium_is_bad_input(tmp_path: Path, answer: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path in (answer, tmp_path, tmp_path / "missing"):
        assert run(["image", "seed", str(path), str(answer)]) == 2
    assert "not a Trebol medium" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["seed", "--show"], ["seed", "--clear"], ["verify"], ["lint"]])
def test_a_pipe_is_refused_at_once_instead_of_waited_for(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert run(["image", *command, str(tmp_path / "pipe")]) == 2
    assert "pipe: is neither a file nor a disk" in capsys.readouterr().err


def test_a_path_that_cannot_be_looked_at_is_bad_input(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["image", "seed", "x" * 300, "--show"]) == 2
    assert "cannot be opened: File name too long" in capsys.readouterr().err


def test_a_medium_that_another_program_seeds_is_left_alone(medium: Path, answer: Path) -> None:
    before = medium.read_bytes()
    with medium.open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(Refused, match="is being written by another program"):
            write_seed(medium, make_seed(answer)[0])
        assert medium.read_bytes() == before
    write_seed(medium, make_seed(answer)[0])


def test_a_medium_that_was_cut_off_is_refused(medium: Path, answer: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with medium.open("r+b") as stream:
        stream.truncate(medium.stat().st_size - 1)
    before = medium.read_bytes()
    assert run(["image", "seed", str(medium), str(answer)]) == 3
    assert "cut off" in capsys.readouterr().err
    assert medium.read_bytes() == before


def test_a_locator_that_points_at_something_else_is_refused(medium: Path, answer: Path) -> None:
    content = bytearray(medium.read_bytes())
    content[400_000:400_010] = b"user's own"
    medium.write_bytes(content)
    with pytest.raises(Refused, match="environment"):
        write_seed(medium, make_seed(answer)[0])
    assert medium.read_bytes() == content


def test_an_iso_that_is_mounted_through_a_loop_device_is_refused(medium: Path, tmp_path: Path) -> None:
    disk = tmp_path / "sys/block/loop7"
    (disk / "loop").mkdir(parents=True)
    (disk / "loop/backing_file").write_text(f"{medium}\n")
    (disk / "dev").write_text("7:7\n")
    mountinfo = tmp_path / "mountinfo"
    mountinfo.write_text("36 35 8:1 / / rw - ext4 /dev/sda1 rw\n")
    refuse_mounted(medium, tmp_path / "sys", mountinfo)
    mountinfo.write_text("36 35 7:7 / /mnt/mi\\040año ro - iso9660 /dev/loop7 ro\n")
    with pytest.raises(Refused, match="/mnt/mi año"):
        refuse_mounted(medium, tmp_path / "sys", mountinfo)


def test_show_leaves_secrets_out(medium: Path, answer: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["image", "seed", str(medium), str(answer), "--console", "ttyS0"]) == 0
    capsys.readouterr()
    assert run(["image", "seed", str(medium), "--show", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert "node1.example.org" in shown["answer"]
    assert "correct horse" not in shown["answer"]
    assert shown["environment"]["trebol_entry"] == "install"
    assert run(["image", "seed", str(medium), "--clear"]) == 0
    capsys.readouterr()
    assert run(["image", "seed", str(medium), "--show"]) == 0
    assert "not seeded" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments", [[], ["--show", "--clear"], ["--clear", "--console", "ttyS0"], ["--show", "--no-autostart"]]
)
def test_asking_for_nothing_or_for_two_things_is_bad_usage(medium: Path, arguments: list[str]) -> None:
    assert run(["image", "seed", str(medium), *arguments]) == 2
