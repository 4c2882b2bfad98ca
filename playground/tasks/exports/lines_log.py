"""A file of JSON Lines that grows by one line at a time: one writer, and sound after a crash between any two bytes."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from playground.tasks import TaskError
from playground.tasks.exports import disk

_UNKNOWN_HERE = (errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.ENOLCK)


class LinesLog:
    """A file of JSON Lines for one writer. A class because the file stays open, and locked, for appending.

    The lock is the operating system's own, on the file itself: it goes with the process, however that ends, and
    leaves no second file behind.
    """

    def __init__(self, path: Path, first: str) -> None:
        """Open the file, or begin it, and lock it.

        first: the key that every line begins with. A cut last line is known by it.

        Raises:
            TaskError: it cannot be written, it is no file, or another process writes to it.
        """
        self._sound, self._missing = 0, b""
        self.path, self._begins = path, json.dumps({first: 0})[:-2].encode()
        try:
            if path.exists() and not path.is_file() and not path.is_dir():
                raise TaskError(f"{path} is no ordinary file, so nothing could go on from it. Name a file.")
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("a+b", buffering=0)  # unbuffered: no half line waits here for a later moment
        except OSError as error:
            raise TaskError(f"{path} cannot be written: {disk.reason(error)}. Choose another file.") from None
        try:
            self._lock()
        except BaseException:
            self._file.close()
            raise

    def _lock(self) -> None:
        try:
            import fcntl  # Linux and macOS
        except ImportError:
            return
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise TaskError(
                f"Another run is writing to {self.path}. Wait until it has ended, or choose another file."
            ) from None
        except OSError as error:
            if error.errno not in _UNKNOWN_HERE:  # some network folders know no locks
                raise TaskError(f"{self.path} cannot be locked: {disk.reason(error)}. Choose another file.") from None

    def rows(self) -> list[dict[str, Any]]:
        """What every whole line holds, in their order; to be read before `repair`, and that called before `append`.

        Raises:
            TaskError: a line is no JSON, or the file cannot be read.
        """
        try:
            self._file.seek(0)
            data = self._file.readall()
        except OSError as error:
            raise TaskError(f"{self.path} cannot be read: {disk.reason(error)}. Choose another file.") from None
        end = data.rfind(b"\n") + 1
        tail = data[end:].rstrip(b"\0")  # a machine that lost its power may leave zeros
        lines = data[:end].split(b"\n")[:-1]
        complete = bool(tail) and _read(tail) is not None  # only its end of line is missing
        rows = []
        for number, line in enumerate([*lines, tail] if complete else lines, 1):
            if (row := _read(line)) is None:
                raise self.strange(number)
            rows.append(row)
        if tail and not complete and not tail.startswith(self._begins) and not self._begins.startswith(tail):
            raise self.strange(len(lines) + 1)
        self._sound, self._missing = end + len(tail) * complete, b"\n" * complete
        return rows

    def repair(self) -> None:
        """Take away what a crash left of a last line, once `rows` were read and are what they should be.

        Raises:
            TaskError: the file cannot be changed.
        """
        try:
            if os.fstat(self._file.fileno()).st_size != self._sound:
                os.truncate(self._file.fileno(), self._sound)
            if self._missing:
                self._write(self._missing)
        except OSError as error:
            raise self._failed(error) from None

    def append(self, row: Mapping[str, Any]) -> None:
        """Write one line, down to the disk; all of it is there, or nothing.

        Raises:
            TaskError: it cannot be written, the disk is full.
        """
        # A file name that is no UTF-8 becomes an escape that JSON reads back as the same name.
        line = json.dumps(row, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"
        try:
            self._write(line)
        except OSError as error:
            raise self._failed(error) from None

    def _write(self, data: bytes) -> None:
        """Write all of it, or take away what was written of it."""
        left = memoryview(data)
        try:
            while left:
                left = left[self._file.write(left) :]
            self._sync()
        except BaseException:
            with suppress(OSError):  # what stays is taken away by the next run
                os.truncate(self._file.fileno(), self._sound)
            raise
        self._sound += len(data)

    def _sync(self) -> None:
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            if error.errno not in _UNKNOWN_HERE:
                raise

    def _failed(self, error: OSError) -> TaskError:
        way = "Make room there" if disk.is_full(error) else "Mend that"
        return TaskError(
            f"Nothing more can be written to {self.path}: {disk.reason(error)}. What is done is kept there. {way}, "
            "and the same command goes on from there."
        )

    def strange(self, number: int) -> TaskError:
        """What to raise for a line that no run wrote."""
        return TaskError(f"Line {number} of {self.path} is not one that this command wrote. Choose another file.")

    def close(self) -> None:
        """Close the file and let go of its lock. Raises TaskError where the disk tells of trouble only now."""
        try:
            self._file.close()
        except OSError as error:
            raise self._failed(error) from None


def _read(line: bytes) -> dict[str, Any] | None:
    """The object of a line; None where it holds none."""
    try:
        row = json.loads(line)
    except ValueError:
        return None
    return row if isinstance(row, dict) else None
