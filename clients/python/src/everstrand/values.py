"""Values of Ion that Python's library has no class for."""


class Timestamp(str):
    """A timestamp that `datetime` cannot hold, in Ion text: a year or a month alone, or more than six digits of a second.

    As a parameter it is sent as a timestamp: `Timestamp("2024-02T")`.
    """

    __slots__ = ()
