"""python -m catalog serve | background | work | migrate | settings | sync."""

import sys

from catalog.settings import Settings
from chassis.service import Service, main

SERVICE = Service(
    name="catalog",
    settings=Settings,
    wiring="catalog.wiring.programs",
    commands={"sync": "catalog.commands:sync"},
)

if __name__ == "__main__":
    sys.exit(main(SERVICE))
