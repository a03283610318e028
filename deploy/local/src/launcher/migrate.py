"""All migrations in one process: alembic is imported once, and nothing starts before they ran.

`python -m launcher.migrate` reads the services and their URLs, a JSON object, from the variable
below: passwords have no business among the arguments.
"""

import json
import os
import sys

from chassis.migrations import migrate

URLS = "MARQUEE_MIGRATE"


def main() -> int:
    """Migrate one database after the other."""
    urls: dict[str, str] = json.loads(os.environ[URLS])
    for service, url in urls.items():
        migrate(url, service)
        sys.stdout.write(f"{service} migrated\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
