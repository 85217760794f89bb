"""Check whether the Hugging Face hub can be reached, and which errors are worth a retry."""

import contextlib
import logging
import os
import socket
import urllib.parse
import urllib.request
from collections.abc import Iterator
from typing import TYPE_CHECKING

import huggingface_hub

from configs.errors import AuditError, DataError
from configs.schema import DataConfig
from configs.section import BRANCH
from tasks.runtime.plugins import first_line

if TYPE_CHECKING:
    # Its import takes most of a second, which a wrong config should not cost.
    from prefect.client.schemas.objects import State


@contextlib.contextmanager
def short_way_offline() -> Iterator[str | None]:
    """Without a network, use the local cache at once: the hub's client would retry for half a minute or more.

    Yields the host that cannot be reached, None if it can be. Where it answers and fails, the client says nothing of
    its retries: the caller's sentence says what happened.
    """
    import datasets

    unreachable = None
    address = urllib.parse.urlsplit(huggingface_hub.constants.ENDPOINT)
    was_offline = huggingface_hub.constants.HF_HUB_OFFLINE, datasets.config.HF_HUB_OFFLINE
    try:
        # Behind a proxy only the client itself can find out.
        if not any(was_offline) and not urllib.request.getproxies():
            socket.create_connection(
                (str(address.hostname), address.port or (80 if address.scheme == "http" else 443)), timeout=5
            ).close()
    except OSError:
        unreachable = address.hostname
        huggingface_hub.constants.HF_HUB_OFFLINE = datasets.config.HF_HUB_OFFLINE = True
    said = huggingface_hub.logging.get_verbosity()
    huggingface_hub.logging.set_verbosity(logging.ERROR)
    try:
        yield unreachable
    finally:
        huggingface_hub.logging.set_verbosity(said)
        huggingface_hub.constants.HF_HUB_OFFLINE, datasets.config.HF_HUB_OFFLINE = was_offline


def pinned(data: DataConfig) -> DataConfig:
    """The dataset at the newest commit of the branch that its config follows; as it is where it follows none.

    Raises:
        DataError: the hub does not answer, or has no such dataset or branch.
    """
    if data.revision is None or not data.revision.startswith(BRANCH):
        return data
    branch = data.revision.removeprefix(BRANCH)
    try:
        with short_way_offline() as unreachable:
            if unreachable is not None:
                raise ConnectionError(f"{unreachable} cannot be reached")
            commit = huggingface_hub.HfApi().dataset_info(str(data.hub), revision=branch, timeout=30).sha
    except Exception as error:  # the errors of the hub's client share no class
        raise DataError(
            f"data.revision follows the branch {branch} of {data.hub}, and its newest commit is not known "
            f"({first_line(error)}). Check the name, the branch and the network, or set data.revision to a commit."
        ) from error
    return data.model_copy(update={"revision": commit})


def is_transient(task: object, run: object, state: "State") -> bool:
    """Whether an error may be one of the network, which is worth a retry; an error of the config is not."""
    try:
        state.result()
    except Exception as error:  # of the hub's client, and of its transport, too
        if not isinstance(error, AuditError | OSError):
            return False
        cause: BaseException | None = error
        while cause is not None:
            # The client's transport errors are no OSError; their names end like this (ReadTimeout, ConnectError, ...).
            name = type(cause).__name__
            if isinstance(cause, ConnectionError | TimeoutError) or name.endswith(
                ("Timeout", "ConnectError", "ConnectionError", "ReadError", "ProtocolError")
            ):
                return os.environ.get("HF_HUB_OFFLINE") != "1"
            cause = cause.__cause__ or cause.__context__
    return False
