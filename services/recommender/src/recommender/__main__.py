"""python -m recommender serve | background | work | beat | migrate | settings | evaluate"""

import sys

from chassis.service import Service, main
from recommender import commands, wiring
from recommender.settings import Settings

if __name__ == "__main__":
    # Evaluating needs files alone: no database, no secrets, so no settings are read for it.
    if sys.argv[1:2] == ["evaluate"]:
        sys.exit(commands.evaluate(sys.argv[2:]))
    sys.exit(
        main(
            Service(
                name="recommender",
                settings=Settings,
                package="recommender",
                serve=wiring.serve,
                background=wiring.background,
                work=wiring.work,
                commands={"evaluate": lambda _settings, rest: commands.evaluate(rest)},
            )
        )
    )
