"""python -m interactions serve | background | work | migrate | settings."""

import sys

from chassis.service import Service, main
from interactions.settings import Settings
from interactions.wiring import NAME, background, serve, work

if __name__ == "__main__":
    sys.exit(
        main(
            Service(
                name=NAME,
                settings=Settings,
                package="interactions",
                serve=serve,
                background=background,
                work=work,
            )
        )
    )
