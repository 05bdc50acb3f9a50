"""Starts the command line: of the program `rollbook`, and of `python -m rollbook`."""


def main() -> None:
    """Run one command; be quiet where Ctrl-C is faster than what has to be loaded for it."""
    try:
        from rollbook.cli.main import main as command

        command()
    except KeyboardInterrupt:
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
