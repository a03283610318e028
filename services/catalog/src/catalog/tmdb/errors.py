"""What can come instead of an answer."""


class SourceError(Exception):
    """Nothing the record could be blamed for: the whole run has to wait or stop."""


class SourceDenied(SourceError):
    """TMDb refuses the token: nothing will work until somebody sets another."""


class SourceUnavailable(SourceError):
    """TMDb does not answer, or only with 429 and 5xx, and the patience for it is used up."""


class ExportUnusable(SourceError):
    """The daily export is missing, refused, damaged, or of a size that is not believed."""


class Gone(Exception):
    """There is no such record (any more)."""


class UnknownEncoding(Exception):
    """A body packed in a way that nobody here can unpack."""


class BadAnswer(Exception):
    """An answer that cannot be what TMDb means; it belongs into the quarantine."""

    def __init__(self, error: str, body: bytes) -> None:
        super().__init__(error)
        self.error = error
        self.body = body
