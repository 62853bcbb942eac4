"""The command `pulseops`."""

import signal


def main() -> None:
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        # Until somebody listens, Ctrl-C ends us as it ends other programs: without a traceback.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from pulseops.cli.app import app  # noqa: PLC0415  # all that takes time comes after that

    app()


if __name__ == "__main__":
    main()
