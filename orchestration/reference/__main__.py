"""``python -m orchestration.reference``: check the seeds, or write them again."""

import sys

from orchestration.reference.seeds import main

sys.exit(main())
