"""The contract answered: unpack, one transaction, pack."""

from marquee.users.v1 import users_pb2_grpc
from users.rpc.accounts import AccountRpcs
from users.rpc.administration import AdministrationRpcs
from users.rpc.export import ExportRpcs
from users.rpc.follows import FollowRpcs
from users.rpc.neighbours import NeighbourRpcs
from users.rpc.profiles import ProfileRpcs
from users.rpc.resets import ResetRpcs
from users.rpc.sessions import SessionRpcs


class UsersServicer(
    SessionRpcs,
    AccountRpcs,
    ResetRpcs,
    ExportRpcs,
    ProfileRpcs,
    FollowRpcs,
    NeighbourRpcs,
    AdministrationRpcs,
    users_pb2_grpc.UsersServiceServicer,
):
    """All RPCs of the users service, each noun in a file of its own."""
