"""Daemons asked alone, in Postfix's place: so many connections, each with one question at a time."""

import selectors
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass

import click

from bench import measure, processes
from bench.measure import Service

RATE, P99, CPU = "answers/s", "p99 ms", "CPU us an answer"


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked on a connection: `opening` once, then `text` for ever."""

    text: bytes  # one question, a template for `%` with its number
    expected: bytes  # what a good answer begins with
    end: bytes  # what every answer ends with
    opening: bytes = b""
    opened: bytes = b""  # what the answer to it ends with


def ask(service: Service, question: Question, *, connections: int, seconds: float) -> dict[str, float]:
    """Ask for so long; return answers a second, how long the slowest hundredth took, and the daemon's CPU.

    ClickException for an answer that is not the one expected.
    """
    clients = list(_connected(service, question, connections))
    before = measure.cpu_seconds(service.roots)
    waits: list[float] = []
    began = _loop(service, question, clients, seconds, waits)
    took = time.perf_counter() - began
    cpu = measure.cpu_seconds(service.roots) - before
    for client in clients:
        client.close()
    return {
        RATE: len(waits) / took,
        P99: sorted(waits)[len(waits) * 99 // 100] * 1000,
        CPU: cpu * 1_000_000 / len(waits),
    }


def _connected(service: Service, question: Question, connections: int) -> Iterator[socket.socket]:
    for _ in range(connections):
        client = processes.connect(service.address)
        if question.opening:
            client.sendall(question.opening)
            said = b""
            while not said.endswith(question.opened):
                said += client.recv(65536)
        yield client


def _loop(
    service: Service, question: Question, clients: list[socket.socket], seconds: float, waits: list[float]
) -> float:
    """Ask until the time is over and every answer is there; return when it began."""
    selector = selectors.DefaultSelector()
    asked: dict[int, float] = {}
    by_fd = {client.fileno(): client for client in clients}
    clock, text, expected, end = time.perf_counter, question.text, question.expected, question.end
    for client in clients:
        selector.register(client, selectors.EVENT_READ)
    began = clock()
    for number, client in enumerate(clients, 1):  # Dovecot closes the connection for a 0
        asked[client.fileno()] = clock()
        client.sendall(text % number)
    stop, waiting, number = began + seconds, len(clients), len(clients) + 1
    while waiting:
        for key, _ in selector.select(processes.PATIENCE):
            client = by_fd[key.fd]
            answer = client.recv(4096)
            if not answer.startswith(expected) or not answer.endswith(end):
                raise click.ClickException(f"{service.name} answered {answer!r}")
            now = clock()
            waits.append(now - asked[key.fd])
            if now < stop:
                asked[key.fd] = now
                client.sendall(text % number)
                number += 1
            else:
                waiting -= 1
    return began
