"""`python -m monitor` is `aead-monitor`."""

import sys

from monitor.cli import main

sys.exit(main())
