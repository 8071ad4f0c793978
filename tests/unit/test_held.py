"""Values that are held for a while: read again when they are too old, or were changed."""

from __future__ import annotations

import asyncio

import pytest

from trebol_common.errors import TrebolError
from trebol_node.system import held


class Ticking:
    """A clock that a test moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_value_is_shown_until_it_is_too_old() -> None:
    async def run() -> None:
        ticking, answers = Ticking(), iter(["one", "", "", "two"])

        async def read() -> str:
            if answer := next(answers):
                return answer
            raise TrebolError("gone")

        value = held.Held("thing", 10, read, clock=ticking)
        assert (value.latest, value.age) == (None, None)
        await value.refresh()
        assert [await value.get(), value.age] == ["one", 0]
        ticking.now = 50
        await value.refresh()
        assert [await value.get(), value.age, value.error] == ["one", 50, "gone"]
        ticking.now = 101
        await value.refresh()
        with pytest.raises(held.NotRead, match="thing: gone"):
            await value.get()
        await value.refresh()
        assert (await value.get(), value.error) == ("two", "")

    asyncio.run(run())


def test_what_was_changed_is_read_again_at_once() -> None:
    async def run() -> None:
        readings: asyncio.Queue[int] = asyncio.Queue()

        async def read() -> int:
            number = readings.qsize()
            readings.put_nowait(number)
            return number

        value = held.Held("thing", 3600, read)
        async with held.refreshing([value]):
            assert await value.get() == 0
            value.stale()
            while readings.qsize() < 2:
                await asyncio.sleep(0)

    asyncio.run(run())


@pytest.mark.parametrize("steps", range(12))
def test_readings_end_with_the_daemon_at_whatever_step(steps: int) -> None:
    """One that waits for another's first value is ended just when that comes."""

    async def run() -> None:
        ready = asyncio.Event()

        async def read() -> bool:
            return await ready.wait()

        first = held.Held("first", 3600, read)
        second = held.Held("second", 3600, first.get)
        async with asyncio.timeout(20):
            async with held.refreshing([first, second]):
                for _step in range(5):
                    await asyncio.sleep(0)
                ready.set()
                for _step in range(steps):
                    await asyncio.sleep(0)

    asyncio.run(run())


def test_the_first_reading_is_waited_for() -> None:
    async def run() -> None:
        ready = asyncio.Event()

        async def read() -> str:
            await ready.wait()
            return "there"

        value = held.Held("thing", 10, read)
        async with held.refreshing([value]):
            waiting = asyncio.create_task(value.get())
            await asyncio.sleep(0)
            assert not waiting.done()
            ready.set()
            assert await waiting == "there"

    asyncio.run(run())
