"""python -m analytics serve | background | work | migrate | settings."""

import sys

from analytics.settings import Settings
from analytics.wiring import NAME, background, serve, work
from chassis.service import Service, main

if __name__ == "__main__":
    sys.exit(
        main(
            Service(
                name=NAME,
                settings=Settings,
                package="analytics",
                serve=serve,
                background=background,
                work=work,
            )
        )
    )
