"""All claims about the queue in one table.

python benchmarks/bench_queue.py [--quick] [--check]
"""

from __future__ import annotations

import queue_drain
import queue_put
import queue_size
import queue_waiting
from figures import main

MODULES = (queue_put, queue_drain, queue_waiting, queue_size)

if __name__ == "__main__":
    main(*(measure for module in MODULES for measure in module.MEASURES))
