"""python -m analytics serve | background | work | migrate | settings."""

import sys

from analytics.settings import Settings
from chassis.service import Service, main

SERVICE = Service(
    name="analytics",
    settings=Settings,
    wiring="analytics.wiring",
)

if __name__ == "__main__":
    sys.exit(main(SERVICE))
