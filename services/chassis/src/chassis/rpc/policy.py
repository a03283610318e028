"""Who may call what: read from the contract's method option, denied where it says nothing."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from google.protobuf import descriptor as protobuf
from google.protobuf import message_factory

from chassis.errors import Denied, Unauthenticated
from chassis.identity import Caller

OPTION = "marquee.policy.v1.access"
DENY = "ACCESS_UNSPECIFIED"

_PERMITS: Mapping[str, Callable[[Caller], bool]] = {
    "ACCESS_PUBLIC": lambda _caller: True,
    "ACCESS_USER": lambda caller: caller.user_id is not None,
    "ACCESS_ADMIN": lambda caller: caller.role == "admin",
    "ACCESS_SERVICE": lambda caller: caller.service is not None,
    "ACCESS_USER_OR_SERVICE": lambda caller: bool(caller.user_id or caller.service),
    # A service that speaks for a person lends them nothing: then the person must be an admin.
    "ACCESS_ADMIN_OR_SERVICE": lambda caller: (
        caller.role == "admin" or (caller.service is not None and caller.user_id is None)
    ),
}


def policies(services: Iterable[protobuf.ServiceDescriptor]) -> dict[str, str]:
    """The access of every method by its path, `/package.Service/Method`."""
    return {
        f"/{service.full_name}/{method.name}": access_of(method)
        for service in services
        for method in service.methods
    }


def access_of(method: protobuf.MethodDescriptor) -> str:
    """Name of the method's access value; ACCESS_UNSPECIFIED when the contract gives none."""
    pool: Any = method.containing_service.file.pool
    try:
        extension = pool.FindExtensionByName(OPTION)
    except KeyError:
        return DENY
    options_type = message_factory.GetMessageClass(extension.containing_type)
    options: Any = options_type.FromString(method.GetOptions().SerializeToString())
    if not options.HasExtension(extension):
        return DENY
    value = extension.enum_type.values_by_number.get(options.Extensions[extension])
    return DENY if value is None else value.name


def admit(access: str, caller: Caller) -> None:
    """Refuse the caller that the policy does not let in."""
    permits = _PERMITS.get(access)
    if permits is not None and permits(caller):
        return
    if caller.role == "anonymous":
        raise Unauthenticated("sign in first")
    raise Denied("you may not do this")
