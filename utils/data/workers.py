"""The worker processes of a DataLoader, as its own process sees them.

Each worker has a connection of its own: one that dies, at whatever moment, disturbs no other, and
the end of its connection is the news of its death.
"""

import multiprocessing
import os
import signal
import time
import weakref
from multiprocessing import util
from multiprocessing.connection import wait

from . import transfer
from .worker import run

__all__ = ["Workers"]

_CHECK = 2.0  # seconds between two looks at whether the workers live
_PATIENCE = 5.0  # seconds that a worker has to finish, and again to obey the signal to end

_REMEDIES = {
    "SIGKILL": "the system kills processes when memory runs out: use fewer workers, smaller "
    "batches or a smaller prefetch_factor",
    "SIGTERM": "it was ended from outside, or ended itself",
    "other": "a library that the dataset calls has crashed: python -X faulthandler shows where, "
    "and so does num_workers=0",
    "fork": ". A library that had started threads in the main process may not work after a fork "
    "(OpenMP under Numba's parallel=True ends the process): if the dataset calls one, use "
    'multiprocessing_context="forkserver"',
    "exit": "something that the dataset calls has ended the process: look for sys.exit and "
    "os._exit",
    "start": "it ended before it loaded anything. Under the start method {method!r} a worker "
    "imports the main program again: start the loading under `if __name__ == \"__main__\":`, and "
    "define the dataset and its functions in a file that can be imported (not in a notebook)",
}


class Workers:
    """Processes that make batches, and a connection to each.

    Args:
        job: what each is told once.
        context: of multiprocessing, for the start method; the default one if None.
    Raises:
        RuntimeError: a worker died while it was started.

    Attributes:
        stop: call it to end them; it is called when the object is no longer used.
    """

    def __init__(self, job, context):
        self._context = multiprocessing.get_context() if context is None else context
        self._method = self._context.get_start_method()
        self._ready = set()
        self._connections, self._processes = [], []
        self.stop = weakref.finalize(
            self, _stop, os.getpid(), self._connections, self._processes
        )
        try:
            for number in range(job.num_workers):
                self._start(job, number)
        except BaseException:
            self.stop()
            raise

    def _start(self, job, number):
        ours, theirs = self._context.Pipe()
        # A process forked later must not keep it open, or the worker would not see it close.
        util.register_after_fork(ours, _close_copy)
        self._connections.append(ours)
        process = self._context.Process(
            target=run, args=(theirs, job, number), daemon=True, name=f"DataLoader-{number}"
        )
        try:
            process.start()
        except BrokenPipeError as error:
            raise RuntimeError(
                f"DataLoader worker {number} exited unexpectedly: "
                + _REMEDIES["start"].format(method=self._method)
            ) from error
        except Exception as error:
            if self._method != "fork":
                error.add_note(
                    f"Under the start method {self._method!r} the dataset, collate_fn and "
                    "worker_init_fn are pickled for the workers: define them at the top level "
                    'of a module, or use multiprocessing_context="fork"'
                )
            raise
        finally:
            theirs.close()
        self._processes.append(process)

    def ask(self, worker, request):
        """Send a request; a worker that is dead will be noticed when its answer is waited for."""
        try:
            self._connections[worker].send(request)
        except ConnectionError:
            pass

    def answer(self, busy, timeout):
        """Wait for an answer from one of the busy workers.

        Args:
            busy: numbers of workers.
            timeout: seconds to wait; 0 for ever.
        Returns:
            The worker, the header and the batch.
        Raises:
            RuntimeError: a worker died, or the time is over.
        """
        connections = {self._connections[worker]: worker for worker in busy}
        end = time.monotonic() + timeout if timeout else float("inf")
        while True:
            ready = wait(connections, max(0, min(_CHECK, end - time.monotonic())))
            if not ready and any(self._processes[worker].exitcode is not None for worker in busy):
                # Its last words may have come since. Else a process of its own holds the line.
                ready = wait(connections, 0) or [
                    line for line, worker in connections.items()
                    if self._processes[worker].exitcode is not None]
                if not ready[0].poll():
                    raise self._death(connections[ready[0]])
            if ready:
                worker = connections[ready[0]]
                try:
                    header, batch = transfer.receive(ready[0])
                except (EOFError, OSError) as error:
                    raise self._death(worker) from error
                if worker in self._ready:
                    return worker, header, batch
                self._ready.add(worker)
            elif time.monotonic() >= end:
                raise RuntimeError(f"DataLoader timed out after {timeout} seconds")

    def _death(self, worker):
        """Return the error that says which workers died, and of what."""
        self._processes[worker].join(_PATIENCE)
        dead = [number for number, process in enumerate(self._processes)
                if number == worker or process.exitcode is not None]
        pids = ", ".join(str(self._processes[number].pid) for number in dead)
        told = "; ".join(self._cause(number) for number in dead)
        return RuntimeError(f"DataLoader worker (pid(s) {pids}) exited unexpectedly: {told}")

    def _cause(self, worker):
        process = self._processes[worker]
        told, code = f"worker {worker} (pid {process.pid})", process.exitcode
        if code is None:
            return f"{told} has closed its connection"
        if code < 0:
            name = _signal_name(-code)
            remedy = _REMEDIES.get(name, _REMEDIES["other"])
            if self._method == "fork" and name != "SIGKILL":
                remedy += _REMEDIES["fork"]
            return f"{told} was killed by signal {-code} ({name}): {remedy}"
        kind = "exit" if worker in self._ready else "start"
        return f"{told} has exit code {code}: {_REMEDIES[kind].format(method=self._method)}"


def _signal_name(number):
    try:
        return signal.Signals(number).name
    except ValueError:
        return "unknown"


# Connections in the middle of closing: a process that another thread forks then must leave their
# numbers alone, which may be those of its own connection already.
_closing = set()


def _close_copy(connection):
    if id(connection) not in _closing:
        connection.close()


def _stop(owner, connections, processes):
    """End the workers: each finishes its sample and sees that its connection is closed."""
    if os.getpid() != owner:  # in a forked child, which shares none of this
        return
    for connection in connections:
        _closing.add(id(connection))
        connection.close()
        _closing.discard(id(connection))
    for end in (None, "terminate", "kill"):
        deadline = time.monotonic() + _PATIENCE
        for process in processes:
            if end is not None and process.exitcode is None:
                getattr(process, end)()
        for process in processes:
            process.join(max(0, deadline - time.monotonic()))
        if all(process.exitcode is not None for process in processes):
            break
