"""python -m catalog serve | background | work | migrate | settings | sync."""

import sys

from catalog import commands, wiring
from catalog.settings import Settings
from chassis.service import Service, main

if __name__ == "__main__":
    sys.exit(
        main(
            Service(
                name=wiring.NAME,
                settings=Settings,
                package="catalog",
                serve=wiring.serve,
                background=wiring.background,
                work=wiring.work,
                commands={"sync": commands.sync},
            )
        )
    )
