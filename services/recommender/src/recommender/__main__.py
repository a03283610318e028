"""python -m recommender serve | background | work | migrate | settings, and its own commands:
evaluate | compare (on files), train | search (now), measure (what lists cost here)."""

import sys

from chassis.service import Service, main
from recommender.settings import Settings

SERVICE = Service(
    name="recommender",
    settings=Settings,
    wiring="recommender.wiring",
    commands={
        "train": "recommender.wiring:train",
        "search": "recommender.wiring:search",
        "measure": "recommender.commands.measure:measure",
    },
    offline_commands={
        "evaluate": "recommender.commands.evaluate:evaluate",
        "compare": "recommender.commands.compare:compare",
    },
)

if __name__ == "__main__":
    sys.exit(main(SERVICE))
