"""What a disk answers when something is to be written to it, in plain words."""

from __future__ import annotations

import errno

_FULL = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the quota of this disk is used up",
    errno.EFBIG: "the file may not grow any larger here",
}
_OTHER = {
    errno.EIO: "the disk reports an error of its own",
    errno.EROFS: "this disk can only be read",
    errno.EACCES: "this is not allowed here",
    errno.EPERM: "this is not allowed here",
    errno.EISDIR: "this is a folder",
    errno.ENOTDIR: "a part of this path is a file, not a folder",
    errno.EEXIST: "a part of this path is a file, not a folder",
    errno.ENAMETOOLONG: "the name is too long",
    errno.ENOENT: "there is no such folder",
}


def is_full(error: BaseException) -> bool:
    """Whether there is no room left: on the disk, within a quota, or within the largest size of a file."""
    return isinstance(error, OSError) and error.errno in _FULL


def reason(error: OSError) -> str:
    """Why it failed, as a part of a sentence: "the disk is full"."""
    return {**_FULL, **_OTHER}.get(error.errno or 0) or error.strerror or type(error).__name__
