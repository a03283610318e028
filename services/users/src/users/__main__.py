"""python -m users serve | background | work | beat | migrate | settings | …"""

import sys

from chassis.service import Service, main
from users import wiring
from users.commands import COMMANDS
from users.settings import Settings

if __name__ == "__main__":
    sys.exit(
        main(
            Service(
                name="users",
                settings=Settings,
                package="users",
                serve=wiring.serve,
                background=wiring.background,
                work=wiring.work,
                commands=COMMANDS,
            )
        )
    )
