"""People and collections."""

import grpc

from catalog import messages
from catalog.domain.movies import CollectionNotFound, PersonNotFound
from catalog.domain.titles import title_key
from catalog.rpc.frame import Frame, checked_id, checked_query, language_of, scope
from catalog.store import people, searching
from chassis.paging import page_size
from marquee.catalog.v1 import catalog_pb2 as pb


class PeopleServicer(Frame):
    """Reading people and collections."""

    def GetPerson(
        self, request: pb.GetPersonRequest, context: grpc.ServicerContext
    ) -> pb.GetPersonResponse:
        person_id = checked_id(request.person_id, "person_id")
        size, language = page_size(request.page_size), language_of(request.language)
        adult = request.include_adult
        belongs, after = scope("person", person_id=person_id, adult=adult), None
        if request.page_token:
            popularity, movie_id, position = self._tokens.decode(belongs, request.page_token)
            after = popularity, movie_id, position
        with self._database.read() as connection:
            row = people.find(connection, person_id)
            if row is None:
                raise PersonNotFound(f"there is no person {person_id}", person_id=person_id)
            found = people.credits_of(connection, person_id, after, size + 1, adult=adult)
            page = found[:size]
            ids = list(dict.fromkeys(credit["movie_id"] for credit in page))
            shown = {movie.movie_id: movie for movie in self._shown(connection, ids, language)}
        token = ""
        if len(found) > size:
            last = page[-1]
            values = [last["popularity"], last["movie_id"], last["position"]]
            token = self._tokens.encode(belongs, values)
        parts = [
            pb.PersonCredit(
                movie=shown[credit["movie_id"]],
                department=credit["department"],
                job=credit["job"],
                character=credit["character"],
            )
            for credit in page
            if credit["movie_id"] in shown
        ]
        return pb.GetPersonResponse(
            person=messages.person(row), credits=parts, next_page_token=token
        )

    def SearchPeople(
        self, request: pb.SearchPeopleRequest, context: grpc.ServicerContext
    ) -> pb.SearchPeopleResponse:
        size = page_size(request.page_size)
        query = searching.Query(title_key(checked_query(request.query)))
        belongs, after = scope("people", query=query.key), None
        if request.page_token:
            after = searching.Hit(*self._tokens.decode(belongs, request.page_token))
        with self._database.read() as connection:
            hits = searching.people(connection, query, after, size + 1)
            rows = people.by_ids(connection, [hit.id for hit in hits[:size]])
        token = ""
        if len(hits) > size:
            last = hits[size - 1]
            values = [last.rank, last.likeness, last.popularity, last.id]
            token = self._tokens.encode(belongs, values)
        found = [messages.person(row) for row in rows]
        return pb.SearchPeopleResponse(people=found, next_page_token=token)

    def GetCollection(
        self, request: pb.GetCollectionRequest, context: grpc.ServicerContext
    ) -> pb.GetCollectionResponse:
        collection_id = checked_id(request.collection_id, "collection_id")
        language = language_of(request.language)
        with self._database.read() as connection:
            found = self._collection(connection, request, language)
        if found is None:
            raise CollectionNotFound(
                f"there is no collection {collection_id}", collection_id=collection_id
            )
        return pb.GetCollectionResponse(collection=found)
