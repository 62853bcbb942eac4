"""The command `pulseops`."""

from pulseops.cli.app import app


def main() -> None:
    app()


if __name__ == "__main__":
    main()
