"""python -m interactions serve | background | work | migrate | settings."""

import sys

from chassis.service import Service, main
from interactions.settings import Settings

SERVICE = Service(
    name="interactions",
    settings=Settings,
    wiring="interactions.wiring",
)

if __name__ == "__main__":
    sys.exit(main(SERVICE))
