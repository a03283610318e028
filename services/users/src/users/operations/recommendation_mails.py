"""Mails with recommendations: made of what the recommender offers the person now."""

from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.engine import Connection

from chassis.database import uuid7
from chassis.mail import Mail
from marquee.catalog.v1 import catalog_pb2, catalog_pb2_grpc
from marquee.recommender.v1 import recommender_pb2, recommender_pb2_grpc
from users.domain.recommendation_mails import MOVIES, SUBJECT, mail_text, week_of
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


def week_mail(
    connection: Connection, user_id: UUID, keyring: Keyring, offer: Offer, at: datetime
) -> Mail | None:
    """The mail of this week, noted down as sent; None when the person is not to get one.

    The person's own ten minutes of access are made for the question, and go nowhere else.
    """
    account = accounts.account(connection, user_id)
    if account is None or account.status != "active":
        return None
    claimed = recommendation_mails.claim(connection, user_id, week_of(at))
    if claimed is None:
        return None
    token = keyring.access_token(connection, account, uuid7(), at)
    titles = offer(token, claimed.preferred_language)
    return Mail(account.email, SUBJECT, mail_text(account.username, titles)) if titles else None


def _titled(movie: catalog_pb2.Movie) -> str:
    year = movie.release_date[:4]
    return f"{movie.title} ({year})" if year else movie.title
