"""The contract answered: unpack, one transaction, pack."""

import hashlib
from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

import numpy as np
from prometheus_client import Counter
from sqlalchemy.engine import Connection

from chassis import jobs
from chassis.database import Database
from chassis.errors import Invalid, Unauthenticated
from chassis.export import export_page
from chassis.identity import current, require_user
from chassis.paging import PageTokens, page_size
from chassis.rpc import client_address, require_time
from marquee.recommender.v1 import recommender_pb2 as pb
from marquee.recommender.v1 import recommender_pb2_grpc
from recommender.domain import (
    LIST_LENGTH,
    Admin,
    Exploration,
    Filter,
    ModelNotFound,
    MovieNotFound,
    RecommendationNotFound,
    TrainingNotFound,
)
from recommender.messages import answers, requests, values
from recommender.operations import lists, models
from recommender.operations.live import Live
from recommender.operations.people import Neighbours, person_now
from recommender.ranking.ranked import similar
from recommender.store import lists as stored_lists
from recommender.store import models as stored_models
from recommender.store.export import SECTIONS

_LONGEST_REQUEST_ID = 200
# Of one person, in a transaction.
_PAGES_AT_ONCE = 100

lists_begun = Counter(
    "recommendation_lists_total", "Lists begun to be shown, by when they were made", ["made"]
)


class RecommenderServicer(recommender_pb2_grpc.RecommenderServiceServicer):
    """RecommenderService; every method is documented in the contract."""

    def __init__(
        self,
        database: Database,
        live: Live,
        neighbours: Neighbours,
        tokens: PageTokens,
        now: Callable[[], datetime],
        exploration: Exploration,
    ) -> None:
        self._database = database
        self._live = live
        self._neighbours = neighbours
        self._tokens = tokens
        self._now = now
        self._exploration = exploration

    def Recommend(self, request: pb.RecommendRequest, context: Any) -> pb.RecommendResponse:
        user_id, size = _caller(), page_size(request.page_size)
        wanted = lists.Wanted(
            requests.type_name(request.type),
            requests.filter_of(request.filter),
            requests.diversity_of(request),
        )
        scope = _scope(user_id, request)
        resumed = self._tokens.decode(scope, request.page_token) if request.page_token else None
        person = person_now(
            self._database,
            self._neighbours,
            user_id,
            known_sequence=requests.given(request, "known_sequence"),
            known_version=requests.given(request, "known_preferences_version"),
        )
        snapshot, at = self._live.snapshot(), self._now()
        taste = lists.taste_in(snapshot, person, at)
        with self._database.begin() as connection:
            start, new = 0, False
            if resumed is not None:
                start, whole = resumed[1], _kept(connection, user_id, resumed[0])
            elif (whole := lists.list_ahead(connection, snapshot, person, wanted)) is None:
                explore, new = self._exploration, True
                whole = lists.rank_list(connection, snapshot, person, taste, wanted, at, explore)
            places, rest = lists.next_places(snapshot, whole, person, wanted, start, size)
            more = rest < len(whole.movie_ids)
            page = lists.page_of(connection, snapshot, person, taste, whole, places, at)
            # Whoever does not wait any longer is shown another page, which is in the history too.
            require_time()
            lists.keep_served(connection, page, whole=whole if more and new else None)
        if resumed is None:
            lists_begun.labels("now" if new else "ahead").inc()
        token = self._tokens.encode(scope, [str(whole.list_id), rest]) if more else ""
        return answers.page_message(
            page,
            next_page_token=token,
            sequence=person.sequence,
            preferences_version=person.preferences.version,
        )

    def ListSimilarMovies(
        self, request: pb.ListSimilarMoviesRequest, context: Any
    ) -> pb.ListSimilarMoviesResponse:
        size, snapshot = page_size(request.page_size), self._live.snapshot()
        # Another model has another list, which has no such page.
        scope = f"similar:{request.movie_id}:{snapshot.model_version}"
        start = self._tokens.decode(scope, request.page_token)[0] if request.page_token else 0
        place = int(snapshot.ensemble.positions(np.array([request.movie_id], np.int64))[0])
        if place < 0 or snapshot.shelf.removed[place]:
            raise MovieNotFound("no such movie")
        allowed = snapshot.shelf.allowed(Filter(), include_adult=request.include_adult)
        found = similar(snapshot.ensemble, place, allowed, LIST_LENGTH)
        end = start + size
        ids = snapshot.ensemble.movie_ids[found.movies[start:end]].tolist()
        token = self._tokens.encode(scope, [end]) if end < len(found) else ""
        return pb.ListSimilarMoviesResponse(
            movies=[
                pb.SimilarMovie(movie_id=movie_id, similarity=likeness)
                for movie_id, likeness in zip(ids, found.scores[start:end].tolist(), strict=True)
            ],
            next_page_token=token,
            degraded=snapshot.degraded,
        )

    def RecordClick(self, request: pb.RecordClickRequest, context: Any) -> pb.RecordClickResponse:
        user_id = _caller()
        recommendation_id = values.parse_uuid(request.recommendation_id)
        if recommendation_id is None:
            raise RecommendationNotFound("no such recommendation")
        with self._database.begin() as connection:
            counted = lists.record_click(connection, user_id, recommendation_id, at=self._now())
        return pb.RecordClickResponse(counted=counted)

    def ListRecommendationHistory(
        self, request: pb.ListRecommendationHistoryRequest, context: Any
    ) -> pb.ListRecommendationHistoryResponse:
        user_id, size = _caller(), page_size(request.page_size)
        scope = f"history:{user_id}:{request.clicked_only}"
        before = self._before(scope, request.page_token)
        self._record_pages(user_id)
        with self._database.read() as connection:
            rows = stored_lists.history(
                connection,
                user_id,
                before=before,
                clicked_only=request.clicked_only,
                limit=size + 1,
            )
        token = ""
        if len(rows) > size:
            token = self._tokens.encode(scope, [str(rows[size - 1].recommendation_id)])
        return pb.ListRecommendationHistoryResponse(
            records=[answers.record_message(row) for row in rows[:size]], next_page_token=token
        )

    def ExportPersonalData(
        self, request: pb.ExportPersonalDataRequest, context: Any
    ) -> pb.ExportPersonalDataResponse:
        user_id = _caller()
        self._record_pages(user_id)
        with self._database.read() as connection:
            document, token = export_page(
                connection, SECTIONS, user_id, self._tokens, request.page_token
            )
        return pb.ExportPersonalDataResponse(document_json=document, next_page_token=token)

    def ListModels(self, request: pb.ListModelsRequest, context: Any) -> pb.ListModelsResponse:
        size = page_size(request.page_size)
        before = None
        if request.page_token:
            before = self._tokens.decode("models", request.page_token)[0]
        with self._database.read() as connection:
            rows = stored_models.models(connection, before=before, limit=size + 1)
        token = ""
        if len(rows) > size:
            token = self._tokens.encode("models", [rows[size - 1].model_version])
        return pb.ListModelsResponse(
            models=[answers.model_message(row) for row in rows[:size]], next_page_token=token
        )

    def TrainModel(self, request: pb.TrainModelRequest, context: Any) -> pb.TrainModelResponse:
        if len(request.request_id) > _LONGEST_REQUEST_ID:
            raise Invalid(f"at most {_LONGEST_REQUEST_ID} characters", field="request_id")
        with self._database.begin() as connection:
            job_id = models.start_training(connection, request.request_id, admin=self._admin())
            return pb.TrainModelResponse(training=_training(connection, job_id))

    def GetTraining(self, request: pb.GetTrainingRequest, context: Any) -> pb.GetTrainingResponse:
        job_id = values.parse_uuid(request.training_id)
        if job_id is None:
            raise TrainingNotFound("no such training")
        with self._database.read() as connection:
            return pb.GetTrainingResponse(training=_training(connection, job_id))

    def PromoteModel(
        self, request: pb.PromoteModelRequest, context: Any
    ) -> pb.PromoteModelResponse:
        with self._database.begin() as connection:
            models.promote(connection, request.model_version, admin=self._admin(), at=self._now())
            row = stored_models.find_model(connection, request.model_version)
            if row is None:
                raise ModelNotFound("no such model")
            return pb.PromoteModelResponse(model=answers.model_message(row))

    def _record_pages(self, user_id: UUID) -> None:
        """What was answered a moment ago belongs to the history already, however much it is."""
        recorded = _PAGES_AT_ONCE
        while recorded == _PAGES_AT_ONCE:
            with self._database.begin() as connection:
                recorded = lists.record_pages(connection, _PAGES_AT_ONCE, user_id=user_id)

    def _admin(self) -> Admin | None:
        """Who is calling; None when a service does so by itself."""
        user_id = current().user_id
        return None if user_id is None else Admin(user_id, client_address(), self._now())

    def _before(self, scope: str, page_token: str) -> UUID | None:
        return UUID(self._tokens.decode(scope, page_token)[0]) if page_token else None


def _caller() -> UUID:
    user_id = require_user().user_id
    if user_id is None:
        raise Unauthenticated("sign in first")
    return user_id


def _scope(user_id: UUID, request: pb.RecommendRequest) -> str:
    """A page token is good for the same person asking for the same kind of list."""
    asked = pb.RecommendRequest(type=request.type, filter=request.filter)
    if request.HasField("diversity"):
        asked.diversity = request.diversity
    digest = hashlib.sha256(asked.SerializeToString(deterministic=True)).hexdigest()
    return f"recommend:{user_id}:{digest}"


def _kept(connection: Connection, user_id: UUID, list_id: str) -> stored_lists.RankedList:
    whole = stored_lists.find_list(connection, user_id, UUID(list_id))
    if whole is None:
        raise Invalid("the list is no longer kept; ask for a new one", field="page_token")
    return whole


def _training(connection: Connection, job_id: UUID) -> pb.Training:
    record = jobs.find(connection, job_id)
    if record is None or record.kind != models.TRAINING:
        raise TrainingNotFound("no such training")
    return answers.training_message(record, stored_models.model_of_job(connection, job_id))
