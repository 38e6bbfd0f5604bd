"""`make demo-reset`: delete the data of the demo."""

import argparse
import sys
from pathlib import Path

from minispod.local import state
from minispod.local.refusals import CannotStart


def main() -> int:
    """Delete and say so; status 2 if a demo is running."""
    parser = argparse.ArgumentParser(prog="minispod.local.reset", description=__doc__)
    parser.add_argument("--state", type=Path, default=state.DIRECTORY, help="directory of the demo's data")
    directory = parser.parse_args().state
    try:
        wiped = state.wipe(directory)
    except CannotStart as reason:
        print(reason, file=sys.stderr)
        return 2
    print(f"Deleted {directory}." if wiped else f"There was nothing to delete in {directory}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
