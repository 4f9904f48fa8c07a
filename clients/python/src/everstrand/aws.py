"""QLDB's service models for today's boto3, which no longer knows the services `qldb` and `qldb-session`.

* `client("qldb", endpoint_url=…)` and `session()` are boto3's, with the two services.
* `enable()` adds them to the session that a program has, or to boto3's default session, so that a driver such as pyqldb finds them.
* `python -m everstrand.aws` prints the folder for the variable `AWS_DATA_PATH`, which the AWS CLI reads.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

__all__ = ["FOLDER", "client", "enable", "path", "session"]

#: The folder that holds the models, in the layout of botocore.
FOLDER = Path(__file__).parent / "data"


def path() -> str:
    """The folder that holds the models, in the layout of botocore."""
    return str(FOLDER)


def enable(session: Any = None) -> Any:
    """Adds the two services to a session of boto3 or botocore; without one, to boto3's default session. Returns the session."""
    if session is None:
        import boto3

        session = boto3._get_default_session()
    botocore_session = getattr(session, "_session", session)
    loader = botocore_session.get_component("data_loader")
    if path() not in loader.search_paths:
        loader.search_paths.append(path())
    return session


def session(**arguments: Any) -> Any:
    """A new session of boto3 that knows the two services. The arguments are those of `boto3.Session`."""
    import boto3

    return enable(boto3.session.Session(**arguments))


def client(service: str, **arguments: Any) -> Any:
    """A client of boto3, of a new session that knows the two services."""
    return session().client(service, **arguments)


if __name__ == "__main__":
    print(path())
