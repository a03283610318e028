"""What the catalog says of its images, while it says nothing."""

import asyncio
from typing import Any

from chassis.errors import Unavailable
from gateway.movies import Configuration
from marquee.catalog.v1 import catalog_pb2


class Catalog:
    """Answers at once; or, while it hangs, refuses when it is let go."""

    def __init__(self) -> None:
        self.hangs, self.let_go, self.asked_count = False, asyncio.Event(), 0
        self.base_url = "https://images.example/"

    async def GetConfiguration(self, _request: Any) -> catalog_pb2.GetConfigurationResponse:
        self.asked_count += 1
        told = catalog_pb2.GetConfigurationResponse(
            image_base_url=self.base_url, poster_sizes=["w92"]
        )
        if self.hangs:
            await self.let_go.wait()
            raise Unavailable("the catalog is away")
        await asyncio.sleep(0)
        return told


async def test_nobody_waits_for_a_catalog_that_hangs_where_an_old_answer_is_known() -> None:
    catalog: Any = Catalog()
    configuration = Configuration(catalog, fresh_seconds=0.0)
    known = await configuration.images()
    catalog.hangs = True
    async with asyncio.timeout(30):
        found = [await configuration.images() for _ in range(3)]
    await asyncio.sleep(0)
    assert found == [known] * 3
    assert catalog.asked_count == 2
    catalog.let_go.set()


async def test_who_waits_for_the_first_answer_waits_for_one_question() -> None:
    catalog: Any = Catalog()
    catalog.hangs = True
    configuration = Configuration(catalog)
    waiting = [asyncio.create_task(configuration.images()) for _ in range(5)]
    await asyncio.sleep(0)
    catalog.let_go.set()
    refused = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(one) for one in refused] == [Unavailable] * 5
    assert catalog.asked_count == 1
    catalog.hangs = False
    assert await configuration.images()


async def test_what_was_asked_before_a_change_is_not_kept_after_it() -> None:
    catalog: Any = Catalog()
    configuration = Configuration(catalog)
    before = asyncio.create_task(configuration.images())
    while not catalog.asked_count:
        await asyncio.sleep(0)
    catalog.base_url = "https://others.example/"
    configuration.forget()
    await before
    found = await configuration.images()
    assert found is await configuration.images()
    assert found.urls("poster", "/p.jpg") == {"w92": "https://others.example/w92/p.jpg"}
    assert catalog.asked_count == 2
