"""Version 7 UUIDs."""

import time
from concurrent.futures import ThreadPoolExecutor

from chassis.database import uuid7


def test_ids_carry_the_time_and_the_version():
    before = time.time_ns() // 1_000_000
    made = uuid7()
    assert made.version == 7
    assert made.variant == "specified in RFC 4122"
    assert before <= made.int >> 80 <= time.time_ns() // 1_000_000


def test_ids_of_one_process_are_ordered_even_within_a_microsecond():
    made = [uuid7() for _ in range(20_000)]
    assert made == sorted(made)
    assert len(set(made)) == len(made)


def test_threads_never_get_the_same():
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _number: uuid7(), range(20_000)))
    assert len({one.int >> 64 for one in made}) == len(made)
