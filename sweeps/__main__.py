"""`python -m sweeps`, and the console script: they start here, so that a Ctrl-C has an answer from the first moment."""

import os
import signal


def main() -> None:
    """Run the command line."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # `nohup` has asked not to be disturbed
        signal.signal(signal.SIGINT, lambda *_: os._exit(130))  # nothing is begun while the rest is imported

    from sweeps import cli

    cli.main()


if __name__ == "__main__":
    main()
