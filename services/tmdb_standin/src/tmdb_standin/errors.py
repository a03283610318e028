"""TMDb's error answers: HTTP status, status_code and message."""


class Refused(Exception):
    """An answer of TMDb that is not the one asked for."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers: list[tuple[str, str]] = []

    def body(self) -> dict[str, object]:
        """The JSON TMDb sends with it."""
        return {"success": False, "status_code": self.code, "status_message": self.message}


def not_found() -> Refused:
    """The thing asked for does not exist."""
    return Refused(404, 34, "The resource you requested could not be found.")


def invalid_id() -> Refused:
    """The id is not even a number."""
    return Refused(404, 6, "Invalid id: The pre-requisite id is invalid or not found.")


def invalid_key() -> Refused:
    """The token or key is missing or wrong."""
    return Refused(401, 7, "Invalid API key: You must be granted a valid key.")


def invalid_page() -> Refused:
    """A page outside 1 .. 500."""
    message = "Pages start at 1 and max at 500. They are expected to be an integer."
    return Refused(400, 22, f"Invalid page: {message}")


def invalid_date() -> Refused:
    """A date that is not one."""
    return Refused(400, 23, "Invalid date: Format needs to be YYYY-MM-DD.")


def too_many_appended() -> Refused:
    """More than twenty parts in append_to_response."""
    message = "The maximum number of remote calls is 20."
    return Refused(400, 27, f"Too many append to response objects: {message}")


def date_range_too_long() -> Refused:
    """More than fourteen days of changes."""
    return Refused(422, 20, "Invalid date range: Should be a range no longer than 14 days.")


def rate_limited(limit: int) -> Refused:
    """Too many requests."""
    message = f"Your request count ({limit + 1}) is over the allowed limit of {limit}."
    return Refused(429, 25, message)


SERVER_ERRORS = {
    500: (11, "Internal error: Something went wrong, contact TMDb."),
    502: (43, "Couldn't connect to the backend server."),
    503: (46, "The API is undergoing maintenance. Try again later."),
    504: (24, "Your request to the backend server timed out. Try again."),
}


def server_error(status: int) -> Refused:
    """TMDb is in trouble."""
    return Refused(status, *SERVER_ERRORS[status])
