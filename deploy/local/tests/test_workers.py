"""How tests are spread over pytest's workers."""

import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

CHECKOUT = Path(__file__).parents[3]
FILES = [
    "services/users/tests/unit/test_profile_rules.py",
    "services/users/tests/unit/test_sessions_and_keys.py",
    "services/chassis/tests/unit/test_tokens.py",
]
_RESULT = re.compile(r"^\[(gw\d)\].*PASSED (\S+?)::", re.MULTILINE)


def test_tests_of_one_file_stay_on_one_worker():
    command = [sys.executable, "-m", "pytest", "-n", "2", "-v", "-p", "no:cacheprovider", *FILES]
    ran = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout
    workers: dict[str, set[str]] = defaultdict(set)
    for worker, file in _RESULT.findall(ran.stdout):
        workers[file].add(worker)
    assert workers.keys() == set(FILES)
    assert all(len(each) == 1 for each in workers.values()), workers
    assert len(set.union(*workers.values())) == 2
