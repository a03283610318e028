"""python -m recommender serve | background | work | migrate | settings, and its own commands:
evaluate | compare (on files), train | search (now), measure (what lists cost here)."""

import sys
from collections.abc import Sequence

from chassis.service import Service, main
from recommender import wiring
from recommender.commands.compare import compare
from recommender.commands.evaluate import evaluate
from recommender.commands.measure import measure
from recommender.settings import Settings


def _measure(settings: Settings, rest: Sequence[str]) -> int:
    database = wiring.database_of(settings)
    return measure(database, wiring.live_of(settings, database), rest)


if __name__ == "__main__":
    # Measuring needs files alone: no database, no secrets, so no settings are read for it.
    for name, command in (("evaluate", evaluate), ("compare", compare)):
        if sys.argv[1:2] == [name]:
            sys.exit(command(sys.argv[2:]))
    sys.exit(
        main(
            Service(
                name="recommender",
                settings=Settings,
                package="recommender",
                serve=wiring.serve,
                background=wiring.background,
                work=wiring.work,
                commands={
                    "evaluate": lambda _settings, rest: evaluate(rest),
                    "compare": lambda _settings, rest: compare(rest),
                    "train": wiring.train,
                    "search": wiring.search,
                    "measure": _measure,
                },
            )
        )
    )
