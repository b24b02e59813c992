"""`python -m sweeps`, and the console script: they start here, so that a Ctrl-C has an answer from the first moment."""

import os
import signal
import sys


def main() -> None:
    """Run the command line."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # `nohup` has asked not to be disturbed
        signal.signal(signal.SIGINT, lambda *_: os._exit(130))  # nothing is begun while the rest is imported

    from sweeps.cli.output import open_closed_streams, print_any_text

    open_closed_streams()
    print_any_text()
    try:
        from sweeps.cli.main import main as run
    except (ImportError, MemoryError, OSError) as error:
        from sweeps.errors import not_importable

        print(f"sweeps: {not_importable(error)}", file=sys.stderr)
        sys.exit(4)
    run()


if __name__ == "__main__":
    main()
