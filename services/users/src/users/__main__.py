"""python -m users serve | background | work | beat | migrate | settings | …"""

import sys

from chassis.service import Service, main
from users.settings import Settings

SERVICE = Service(
    name="users",
    settings=Settings,
    wiring="users.wiring",
    commands={
        "mint-token": "users.commands:mint_token",
        "ensure-user": "users.commands:ensure_user",
        "rotate-keys": "users.commands:rotate_keys",
    },
)

if __name__ == "__main__":
    sys.exit(main(SERVICE))
