"""Running a function in several processes that end together.

PyTorch page: https://docs.pytorch.org/docs/2.13/multiprocessing.html#spawning-subprocesses
"""

import multiprocessing
import signal
import sys
import time
import traceback
import warnings
from multiprocessing.connection import wait

__all__ = ["ProcessContext", "ProcessException", "ProcessExitedException",
           "ProcessRaisedException", "spawn", "start_processes"]

_PATIENCE = 30.0  # seconds that a process has to obey the signal to end


class ProcessException(Exception):
    """One of several processes failed.

    Attributes:
        error_index, error_pid: which one.
    """

    def __init__(self, msg, error_index, error_pid):
        super().__init__(msg)
        self.msg = msg
        self.error_index = error_index
        self.error_pid = error_pid

    def __reduce__(self):
        return type(self), tuple(vars(self).values())


class ProcessRaisedException(ProcessException):
    """The function raised; the message quotes the traceback."""


class ProcessExitedException(ProcessException):
    """The process ended by a signal or with an exit code.

    Attributes:
        exit_code: negative for a signal.
        signal_name: None for an exit code.
    """

    def __init__(self, msg, error_index, error_pid, exit_code, signal_name=None):
        super().__init__(msg, error_index, error_pid)
        self.exit_code = exit_code
        self.signal_name = signal_name


class ProcessContext:
    """Several running processes, made by `start_processes(..., join=False)`.

    Attributes:
        processes: the processes.
    """

    def __init__(self, processes, errors):
        self.processes = processes
        self._errors = errors
        self._running = {process.sentinel: i for i, process in enumerate(processes)}

    def pids(self):
        """Return the process ids."""
        return [process.pid for process in self.processes]

    def join(self, timeout=None, grace_period=None):
        """Wait for a process to end; if it failed, end the others too.

        Args:
            timeout: seconds to wait; None for ever.
            grace_period: seconds that the others have to end by themselves after a failure, and
                again to obey the signal to end; None ends them at once.
        Returns:
            Whether all have ended.
        Raises:
            ProcessRaisedException: the function raised in one of them.
            ProcessExitedException: one of them ended in another way.
        """
        for sentinel in wait(self._running, timeout) if self._running else ():
            index = self._running.pop(sentinel)
            self.processes[index].join()
            if self.processes[index].exitcode:
                self._end_all(grace_period)
                raise self._failure(index)
        return not self._running

    def _end_all(self, grace_period):
        patience = _PATIENCE if grace_period is None else grace_period
        for end, seconds in ((None, grace_period or 0), ("terminate", patience), ("kill", None)):
            deadline = None if seconds is None else time.monotonic() + seconds
            for process in self.processes:
                if end is not None and process.is_alive():
                    getattr(process, end)()
            for process in self.processes:
                process.join(None if deadline is None else max(0, deadline - time.monotonic()))

    def _failure(self, index):
        process, code = self.processes[index], self.processes[index].exitcode
        try:
            text = self._errors[index].recv() if self._errors[index].poll() else None
        except EOFError:
            text = None
        if text is not None:
            return ProcessRaisedException(
                f"\n\n-- Process {index} terminated with the following error:\n{text}",
                index, process.pid)
        if code > 0:
            return ProcessExitedException(
                f"process {index} terminated with exit code {code}", index, process.pid, code)
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = f"<Unknown signal {-code}>"
        return ProcessExitedException(
            f"process {index} terminated with signal {name}", index, process.pid, code, name)


def start_processes(fn, args=(), nprocs=1, join=True, daemon=False, start_method="spawn"):
    """Run `fn(i, *args)` in processes i = 0 to nprocs - 1.

    Args:
        fn: a function; under "spawn" and "forkserver" one that can be imported.
        args: further arguments.
        nprocs: number of processes.
        join: wait for them; if one fails, end the others and raise.
        daemon: whether they end with this process.
        start_method: "spawn", "fork" or "forkserver".
    Returns:
        None if join, else a `ProcessContext`.
    Raises:
        ProcessRaisedException, ProcessExitedException: see `ProcessContext.join`.
    """
    methods = multiprocessing.get_context(start_method)
    processes, errors = [], []
    for index in range(nprocs):
        ours, theirs = methods.Pipe(duplex=False)
        process = methods.Process(target=_run, args=(fn, index, args, theirs), daemon=daemon)
        process.start()
        theirs.close()
        processes.append(process)
        errors.append(ours)
    context = ProcessContext(processes, errors)
    if not join:
        return context
    while not context.join():
        pass


def spawn(fn, args=(), nprocs=1, join=True, daemon=False, start_method="spawn"):
    """Run `fn(i, *args)` in nprocs new processes; see `start_processes`.

    PyTorch page:
    https://docs.pytorch.org/docs/2.13/multiprocessing.html#torch.multiprocessing.spawn.spawn
    """
    if start_method != "spawn":
        warnings.warn(
            f"This method only supports start_method=spawn (got: {start_method}).\n"
            "To use a different start_method use:\n\t\t"
            " torch.multiprocessing.start_processes(...)",
            FutureWarning, stacklevel=2)
    return start_processes(fn, args, nprocs, join, daemon)


def _run(fn, index, args, errors):
    try:
        fn(index, *args)
    except KeyboardInterrupt:
        pass  # the parent's business, which ends this process
    except Exception:
        errors.send(traceback.format_exc())
        sys.exit(1)
