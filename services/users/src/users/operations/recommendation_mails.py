"""Mails with recommendations: made of what the recommender offers the person now."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy.engine import Connection

from chassis.database import uuid7
from chassis.mail import Mail
from marquee.catalog.v1 import catalog_pb2, catalog_pb2_grpc
from marquee.recommender.v1 import recommender_pb2, recommender_pb2_grpc
from users.domain.accounts import Account
from users.domain.recommendation_mails import MOVIES, SUBJECT, mail_text
from users.operations.signing_keys import Keyring
from users.store import accounts, recommendation_mails

_TIMEOUT_SECONDS = 5.0

Offer = Callable[[str, str], Sequence[str]]
"""Titles of what is recommended to whom an access token belongs, in a language."""


class Offers:
    """Asks the recommender and the catalogue; an Offer."""

    def __init__(
        self,
        recommender: recommender_pb2_grpc.RecommenderServiceStub,
        catalog: catalog_pb2_grpc.CatalogServiceStub,
    ) -> None:
        self._recommender = recommender
        self._catalog = catalog

    def __call__(self, access_token: str, language: str) -> Sequence[str]:
        reply = self._recommender.Recommend(
            recommender_pb2.RecommendRequest(page_size=MOVIES),
            timeout=_TIMEOUT_SECONDS,
            metadata=(("authorization", f"Bearer {access_token}"),),
        )
        movie_ids = [one.movie_id for one in reply.recommendations]
        if not movie_ids:
            return []
        asked = catalog_pb2.BatchGetMoviesRequest(movie_ids=movie_ids, language=language)
        movies = self._catalog.BatchGetMovies(asked, timeout=_TIMEOUT_SECONDS).movies
        titles = {one.movie_id: _titled(one) for one in movies if not one.removed}
        return [titles[movie_id] for movie_id in movie_ids if movie_id in titles]


@dataclass(frozen=True)
class Claimed:
    """Somebody whose week is noted down, so that nobody else mails it."""

    account: Account
    language: str
    access_token: str
    """The person's own ten minutes, made for the question; goes nowhere else."""


def claim_week(
    connection: Connection, user_id: UUID, week: date, keyring: Keyring, at: datetime
) -> Claimed | None:
    """Note down that this week is mailed; None when the person is not to get one."""
    account = accounts.account(connection, user_id)
    if account is None or account.status != "active":
        return None
    language = recommendation_mails.claim(connection, user_id, week)
    if language is None:
        return None
    return Claimed(account, language, keyring.access_token(connection, account, uuid7(), at))


def week_mail(claimed: Claimed, offer: Offer) -> Mail | None:
    """The mail of the week; None when there is nothing to recommend."""
    account, titles = claimed.account, offer(claimed.access_token, claimed.language)
    return Mail(account.email, SUBJECT, mail_text(account.username, titles)) if titles else None


def _titled(movie: catalog_pb2.Movie) -> str:
    year = movie.release_date[:4]
    return f"{movie.title} ({year})" if year else movie.title
