"""Crystals read in processes of their own: a file that kills native code, or never ends, costs its row, nothing else.

A reader is a process that has imported what it needs and forks a child; the child answers one request after the other
until one kills it, and the next child stands ready at once. Requests and answers are lines of JSON.
"""

import atexit
import contextlib
import json
import os
import resource
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import chain, islice
from typing import IO, Any

from pymatgen.core import Structure

from ionsieve.features.crystals.cif import doubts, parse_cif
from ionsieve.features.crystals.cif_checks import structure_fault
from ionsieve.features.crystals.conventional_cell import lattice_from_structure

CPU_SECONDS = 20  # of processor time for one crystal, so that a busy machine sets no more aside than an idle one
MEMORY_BYTES = 4 * 1024**3
MAX_READERS = 2
FEW = 100  # crystals; so few are read before a second reader has started
READ_AHEAD = 8  # texts waiting for each reader: keeps memory flat on a large folder

Request = tuple[str, str, str]  # one of KINDS, text, file or row it comes from
KINDS = ("cif", "cif without lattice", "json")  # symmetry takes as long as all else


@dataclass(frozen=True)
class Crystal:
    """What a table keeps of a crystal: `lattice` as `lattice_from_structure` gives it (or {}), its file's doubts."""

    formula: str
    structure_json: str
    lattice: dict[str, Any]
    doubts: str


def crystal_of(kind: str, text: str, where: str) -> Crystal:
    """Crystal of a CIF's text, or of the JSON in a table's cell, as one of KINDS.

    Raises:
        ValueError: With the reason in words, for whatever is no readable crystal.
    """
    structure = _structure_of_json(text, where) if kind == "json" else parse_cif(text, where)
    formula = structure.composition.element_composition.reduced_formula
    lattice = {} if kind == "cif without lattice" else lattice_from_structure(structure, formula)
    return Crystal(formula, structure.to_json(), lattice, doubts(structure))


def _structure_of_json(text: str, where: str) -> Structure:
    try:
        structure = Structure.from_dict(json.loads(text))
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, ArithmeticError, RecursionError) as error:
        raise ValueError(f"structure_json of {where} is no crystal ({type(error).__name__}: {error})") from error
    fault = structure_fault(structure)
    if fault:
        raise ValueError(f"structure_json of {where} is no crystal: {fault}")
    return structure


def read_crystal(request: Request) -> Crystal | ValueError:
    """The crystal of one request, or the error that says why there is none, read in this very process."""
    try:
        return crystal_of(*request)
    except ValueError as error:
        return error


def read_crystals(requests: Iterable[Request]) -> Iterator[Crystal | ValueError]:
    """For each request, in order: its crystal, or the error that says why there is none. Requests are read ahead."""
    rest = iter(requests)
    first = list(islice(rest, FEW))
    waiting: deque[Future[Crystal | ValueError]] = deque()
    with ThreadPoolExecutor(1 if len(first) < FEW else min(MAX_READERS, os.cpu_count() or 1)) as pool:
        for request in chain(first, rest):
            waiting.append(pool.submit(_read, request))
            if len(waiting) > MAX_READERS * READ_AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


class _Reader:
    """One process that reads crystals, and the pipes to it."""

    def __init__(self) -> None:
        code = f"import sys; sys.path[:] = {sys.path!r}; from {__name__} import _serve; _serve()"
        alone = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")  # a process with threads cannot fork
        self.process = subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=os.environ | alone
        )
        self.owner = os.getpid()
        self.n_asked = 0

    def ask(self, request: Request) -> Crystal | ValueError:
        """The answer of the process; it may have lost a child over it.

        Raises:
            OSError: If the process itself has ended.
        """
        self.n_asked += 1
        self._stream(self.process.stdin).write(json.dumps([self.n_asked, *request]).encode() + b"\n")
        self._stream(self.process.stdin).flush()
        while line := self._stream(self.process.stdout).readline():
            answer = json.loads(line)
            if answer["n"] not in (self.n_asked, None):
                continue  # of a request whose child ended before
            if "crystal" in answer:
                return Crystal(**answer["crystal"])
            return ValueError(answer.get("reason") or f"{request[2]}: {_of_death(answer['signal'])}")
        raise ChildProcessError(f"the reader of crystals ended with code {self.process.wait()}")

    def close(self) -> None:
        for stream in (self.process.stdin, self.process.stdout):
            with contextlib.suppress(OSError):
                self._stream(stream).close()
        self.process.wait()

    @staticmethod
    def _stream(stream: IO[bytes] | None) -> IO[bytes]:
        assert stream is not None
        return stream


def _of_death(number: int) -> str:
    if number == signal.SIGPROF:
        return f"reading this crystal takes more than {CPU_SECONDS} s; it is set aside"
    return f"reading this crystal ended its process ({signal.Signals(number).name}); it is set aside"


_idle: list[_Reader] = []
_lock = threading.Lock()


def _read(request: Request) -> Crystal | ValueError:
    with _lock:
        mine = [r for r in _idle if r.owner == os.getpid()]  # a forked process shares no pipes with its parent
        reader = mine[-1] if mine else _Reader()
        _idle[:] = mine[:-1]
    try:
        answer = reader.ask(request)
    except (OSError, ValueError) as error:
        reader.close()
        return ValueError(f"{request[2]}: it could not be read ({error})")
    with _lock:
        _idle.append(reader)
    return answer


@atexit.register
def close_readers() -> None:
    """End the processes that wait for more."""
    with _lock:
        for reader in _idle:
            if reader.owner == os.getpid():
                reader.close()
        _idle.clear()


def _serve() -> None:
    """Keep a child that answers requests; where one is killed, say so and fork the next."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ctrl-C is the business of who asked; the closed pipe ends us
    answers = os.dup(1)
    os.dup2(2, 1)  # what a library prints is no answer
    while True:
        child = os.fork()
        if child == 0:
            try:
                _answer_all(answers)
            finally:
                os._exit(0)
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status):
            return
        os.write(answers, json.dumps({"n": None, "signal": os.WTERMSIG(status)}).encode() + b"\n")


def _answer_all(answers: int) -> None:
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    os.dup2(null, 1)
    with contextlib.suppress(ValueError, OSError):  # macOS sets no such limit
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, resource.RLIM_INFINITY))
    with open(0, "rb", closefd=False) as requests, open(answers, "wb", closefd=False) as out:
        for line in requests:
            n, kind, text, where = json.loads(line)
            signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
            try:
                answer: dict[str, Any] = {"crystal": asdict(crystal_of(kind, text, where))}
            except ValueError as error:
                answer = {"reason": str(error)}
            except MemoryError:
                answer = {"reason": f"{where}: reading this crystal takes more than {MEMORY_BYTES >> 30} GB"}
            signal.setitimer(signal.ITIMER_PROF, 0)
            out.write(json.dumps({"n": n} | answer).encode() + b"\n")
            out.flush()
