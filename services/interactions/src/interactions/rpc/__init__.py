"""InteractionsService answered: unpack, one transaction, pack."""

from interactions.rpc.entries import EntryRpcs
from interactions.rpc.imports import ImportRpcs
from interactions.rpc.lists import ListRpcs
from interactions.rpc.summaries import SummaryRpcs
from marquee.interactions.v1 import interactions_pb2_grpc


class InteractionsServicer(
    EntryRpcs,
    SummaryRpcs,
    ListRpcs,
    ImportRpcs,
    interactions_pb2_grpc.InteractionsServiceServicer,
):
    """All of the contract, each noun in a file of its own."""


__all__ = ["InteractionsServicer"]
