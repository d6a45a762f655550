"""The bad network of the chaos journey is as bad as it says, and no worse."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from support.fault_proxy import FaultProxy, Network
from support.journey import until

PATIENCE = 30


@contextmanager
def echo() -> Iterator[tuple[int, list[bytes]]]:
    """Yield the port of a server that says everything back, and what it has heard."""
    heard: list[bytes] = []

    def serve(end: socket.socket) -> None:
        with end:
            try:
                while piece := end.recv(65536):
                    heard.append(piece)
                    end.sendall(piece)
            except OSError:
                return

    def accept() -> None:
        while True:
            try:
                end, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(end,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield listener.getsockname()[1], heard
        listener.shutdown(socket.SHUT_RDWR)
    thread.join()


@pytest.fixture
def proxy() -> Iterator[tuple[FaultProxy, list[bytes]]]:
    with echo() as (port, heard), FaultProxy("127.0.0.1", port, seed=1) as made:
        yield made, heard


def connected(proxy: FaultProxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=PATIENCE)


def received(end: socket.socket, count: int) -> bytes:
    found = b""
    while len(found) < count and (piece := end.recv(count - len(found))):
        found += piece
    return found


@pytest.mark.parametrize("network", [Network(), Network(latency=0.01), Network(drip=7)])
def test_what_is_slow_arrives_whole_and_in_order(proxy: tuple[FaultProxy, list[bytes]], network: Network) -> None:
    proxy[0].network = network
    sent = bytes(range(256)) * 20
    with connected(proxy[0]) as end:
        end.sendall(sent)
        assert received(end, len(sent)) == sent


def test_a_reset_is_told_at_once(proxy: tuple[FaultProxy, list[bytes]]) -> None:
    proxy[0].network = Network(reset=1.0)
    with connected(proxy[0]) as end:
        end.sendall(b"hello")
        with pytest.raises(ConnectionResetError):
            end.recv(1)
    assert proxy[1] == []


def test_a_cut_lets_a_part_through_and_ends_the_connection(proxy: tuple[FaultProxy, list[bytes]]) -> None:
    proxy[0].network = Network(cut=1.0)
    with connected(proxy[0]) as end:
        end.sendall(b"hello")
        assert received(end, 5) == b""
    assert len(b"".join(proxy[1])) < 5


def test_in_a_partition_nothing_arrives_and_when_it_is_over_everything_does(
    proxy: tuple[FaultProxy, list[bytes]],
) -> None:
    with connected(proxy[0]) as end:
        proxy[0].network = Network(partition=True)
        end.sendall(b"hello")
        end.settimeout(0.3)
        with pytest.raises(TimeoutError):
            end.recv(1)
        assert proxy[1] == []
        proxy[0].network = Network()
        end.settimeout(PATIENCE)
        assert received(end, 5) == b"hello"


def test_whoever_gives_up_in_a_partition_has_never_said_anything(proxy: tuple[FaultProxy, list[bytes]]) -> None:
    proxy[0].network = Network(partition=True)
    with connected(proxy[0]) as end:
        end.sendall(b"hello")
    until(lambda: proxy[0].struck["given up"], "the proxy has noticed")
    proxy[0].network = Network()
    with connected(proxy[0]) as end:
        end.sendall(b"again")
        assert received(end, 5) == b"again"
    assert proxy[1] == [b"again"]


def test_a_network_that_refuses_resets_whoever_comes(proxy: tuple[FaultProxy, list[bytes]]) -> None:
    proxy[0].network = Network(refuse=True)
    # The reset may be there before the connection is used at all.
    with pytest.raises(ConnectionResetError), connected(proxy[0]) as end:
        end.recv(1)
