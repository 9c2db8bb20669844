"""`python -m forceladder` is the `forceladder` command."""

import sys

from forceladder.cli import main

sys.exit(main())
