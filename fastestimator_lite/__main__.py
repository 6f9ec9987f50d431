"""`python -m fastestimator_lite` is the command `fastestimator-lite`."""

import sys

from fastestimator_lite.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
