"""The command line. `python app.py --help` lists everything; nobody imports this file."""

import sys

from running.commands import main

if __name__ == "__main__":
    sys.exit(main())
