"""The command `pulseops`."""

import os
import signal
import sys
from errno import EDQUOT, EFBIG, EIO, ENOSPC

_FULL = frozenset((EDQUOT, EFBIG, EIO, ENOSPC))


def main() -> None:
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        # Until somebody listens, Ctrl-C ends us as it ends other programs: without a traceback.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from pulseops.cli.app import app  # noqa: PLC0415  # all that takes time comes after that

    try:
        try:
            app()
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        # The reader has seen enough. What a command found out it has not heard: 0 would say that all is well.
        _hush()
        raise SystemExit(128 + signal.SIGPIPE) from None
    except OSError as error:
        if error.filename is not None or error.errno not in _FULL:
            raise
        _hush()
        sys.stderr.write(f"What was to be said cannot be written: {error.strerror}\n")
        raise SystemExit(1) from error


def _hush() -> None:
    """Python would complain once more when it flushes at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
