"""What goes wrong in a chaos journey, from a seed: networks, the directory, the platform, the process, the disk, the clock.

The seed decides what happens, in which order, and how long each thing lasts in steps; two runs of one seed do the same to syncd.
In which of its instructions it is met is up to the machine. Nothing is judged here.
"""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from support.chaos_directory import Company
from support.chaos_installation import ChaosInstallation, Sandbox
from support.fault_proxy import CALM, FaultProxy, Network

_HOUR: Final = 3600.0
_DAY: Final = 24 * _HOUR
_JUMPS: Final = (-2 * _HOUR, -_DAY, _HOUR, 3 * _HOUR, 2 * _DAY)
"""How wrong a clock may be. Two hours ahead are believed, two days are not."""
_KINDS: Final[Sequence[Mapping[str, object]]] = (
    {"kind": "timeout_before"},
    {"kind": "timeout_after"},
    {"kind": "reset_before"},
    {"kind": "reset_after"},
    {"kind": "http_500_before"},
    {"kind": "http_500_after"},
    {"kind": "http_503_before"},
    {"kind": "http_503_after"},
    {"kind": "throttle"},
    {"kind": "global_throttle"},
    {"kind": "busy_before"},
    {"kind": "busy_after"},
    {"kind": "expired_token"},
    {"kind": "malformed"},
    {"kind": "slow", "seconds": 0.3},
    {"kind": "errcode", "code": 1002, "interface": "/topapi/*"},
    {"kind": "errcode", "code": 400001, "interface": "/topapi/*"},
)
"""Faults of the platform that heal by themselves, soon. A refusal for good is parked for somebody; web pages in place of answers
are taken for a ban, which is waited out for five minutes."""


@dataclass
class Chaos:
    """One company, one installation, and everything between them that can fail."""

    company: Company
    one: ChaosInstallation
    sandbox: Sandbox
    to_directory: FaultProxy
    to_sandbox: FaultProxy
    seed: int
    disk: bool
    """Whether the state has a small disk of its own."""
    done: Counter[str] = field(default_factory=Counter)
    """How often each accident has happened."""

    def __post_init__(self) -> None:
        self._dice = random.Random(f"accidents {self.seed}")
        self._later: list[tuple[int, Callable[[], object]]] = []
        self._usual: dict[int, Network] = {}
        self._step = 0

    def chapter(self, *, steps: int, changes: int) -> None:
        """Let a time of one weather pass: in each step so many changes, and perhaps an accident. Each is told when it happens."""
        self._weather()
        for _ in range(steps):
            self._step += 1
            for due, undo in [each for each in self._later if each[0] <= self._step]:
                self._later.remove((due, undo))
                undo()
            for _ in range(changes):
                self.company.change()
            if self._dice.random() < 0.35:
                name = self._dice.choice(sorted(ACCIDENTS))
                if ACCIDENTS[name](self):
                    self.done[name] += 1
                    print(f"{datetime.now(UTC):%H:%M:%S} step {self._step}, {self.company.changes} changes: {name}")
            if self.one.process is None or self.one.process.poll() is not None:
                self.one.serve()  # as systemd does
            time.sleep(self._dice.uniform(0, 0.5))  # so that something is under way; nothing is concluded from it

    def calm(self) -> None:
        """End everything that is wrong, and everything that is only half done."""
        for _, undo in self._later:
            undo()
        self._later.clear()
        self.to_directory.network = self.to_sandbox.network = CALM
        self.one.control("faults", method="DELETE")
        self.one.control("events/faults", method="DELETE")
        self.company.finish()
        self.one.serve()

    # -- weather: lasts for a chapter --------------------------------------------------------------------------------------

    def _weather(self) -> None:
        for proxy in (self.to_directory, self.to_sandbox):
            proxy.network = self._usual[proxy.port] = self._network()
        faults = [
            {"interface": "*", **kind, "probability": self._dice.uniform(0.01, 0.15)}
            for kind in self._dice.sample(_KINDS, self._dice.randrange(4))
        ]
        self.one.control("faults", {"faults": faults, "seed": self._dice.randrange(1000)}, method="PUT")
        lost = {name: self._dice.choice((0.0, 0.2)) for name in ("loss", "duplicate", "reorder", "disconnect")}
        self.one.control("events/faults", lost, method="PUT")

    def _network(self) -> Network:
        dice = self._dice
        return Network(
            latency=dice.choice((0.0, 0.0, 0.005, 0.05)),
            drip=dice.choice((None, None, None, 100)),
            reset=dice.choice((0.0, 0.0, 0.01, 0.05)),
            cut=dice.choice((0.0, 0.0, 0.01)),
            half_close=dice.choice((0.0, 0.0, 0.01)),
        )

    # -- accidents: from one moment to the next, or for a few steps -----------------------------------------------------------

    def _for_some_steps(self, undo: Callable[[], object]) -> bool:
        self._later.append((self._step + self._dice.randrange(2, 8), undo))
        return True

    def _partition(self, proxy: FaultProxy, **how: Any) -> bool:
        proxy.network = Network(**how)

        def heal() -> None:
            proxy.network = self._usual[proxy.port]
            if self._dice.random() < 0.5:
                proxy.break_all()

        return self._for_some_steps(heal)

    def _partition_directory(self) -> bool:
        return self._partition(self.to_directory, partition=True)

    def _partition_sandbox(self) -> bool:
        return self._partition(self.to_sandbox, partition=True)

    def _refuse_directory(self) -> bool:
        self.to_directory.break_all()
        return self._partition(self.to_directory, refuse=True)

    def _refuse_sandbox(self) -> bool:
        self.to_sandbox.break_all()
        return self._partition(self.to_sandbox, refuse=True)

    def _break_directory(self) -> bool:
        self.to_directory.break_all()
        return True

    def _break_sandbox(self) -> bool:
        self.to_sandbox.break_all()
        return True

    def _kill_directory(self) -> bool:
        self.company.hang_up()
        self.company.server.kill()
        time.sleep(self._dice.uniform(0, 0.5))
        self.company.server.start()
        return True

    def _restart_directory(self) -> bool:
        self.company.hang_up()
        self.company.server.restart()
        return True

    def _stall_sandbox(self) -> bool:
        """Less than syncd's patience with a call: what it has given up would arrive after all, which no client can prevent."""
        self.sandbox.process.send_signal(signal.SIGSTOP)
        time.sleep(self._dice.uniform(0.2, 1.5))
        self.sandbox.process.send_signal(signal.SIGCONT)
        return True

    def _expire_tokens(self) -> bool:
        self.one.control("tokens/expire", {})
        return True

    def _drop_stream(self) -> bool:
        self.one.control("stream/disconnect", {"abruptly": self._dice.random() < 0.5})
        return True

    def _kill(self) -> bool:
        self.one.kill()
        return True

    def _stall(self) -> bool:
        self.one.signal(signal.SIGSTOP)
        return self._for_some_steps(lambda: self.one.signal(signal.SIGCONT))

    def _restart(self) -> bool:
        if self.one.process is None or self.one.process.poll() is not None:
            return False
        self.one.signal(signal.SIGCONT)
        self.one.stop()
        return True

    def _reload(self) -> bool:
        self.one.signal(signal.SIGHUP)
        return True

    def _fill_disk(self) -> bool:
        if not self.disk:
            return False
        self.one.fill()
        return self._for_some_steps(self.one.empty)

    def _set_clock(self) -> bool:
        self.one.set_clock(self._dice.choice(_JUMPS))
        return self._for_some_steps(lambda: self.one.set_clock(0))


ACCIDENTS: Final[Mapping[str, Callable[[Chaos], bool]]] = {
    "no word to or from the directory": Chaos._partition_directory,
    "no word to or from the platform": Chaos._partition_sandbox,
    "the directory refuses connections": Chaos._refuse_directory,
    "the platform refuses connections": Chaos._refuse_sandbox,
    "connections to the directory break": Chaos._break_directory,
    "connections to the platform break": Chaos._break_sandbox,
    "the directory is killed": Chaos._kill_directory,
    "the directory is restarted": Chaos._restart_directory,
    "the platform stalls": Chaos._stall_sandbox,
    "the platform forgets its tokens": Chaos._expire_tokens,
    "the platform ends the stream of events": Chaos._drop_stream,
    "SIGKILL": Chaos._kill,
    "SIGSTOP": Chaos._stall,
    "SIGTERM": Chaos._restart,
    "SIGHUP": Chaos._reload,
    "the disk is full": Chaos._fill_disk,
    "the clock is wrong": Chaos._set_clock,
}
