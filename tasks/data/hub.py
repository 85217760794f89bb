"""Check whether the Hugging Face hub can be reached, and which errors are worth a retry."""

import contextlib
import os
import socket
import urllib.parse
import urllib.request
from collections.abc import Iterator

import datasets
import huggingface_hub
from prefect.client.schemas.objects import State

from configs.errors import AuditError


@contextlib.contextmanager
def short_way_offline() -> Iterator[str | None]:
    """Without a network, use the local cache at once: the hub's client would retry for half a minute or more.

    Yields the host that cannot be reached, None if it can be.
    """
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
    try:
        yield unreachable
    finally:
        huggingface_hub.constants.HF_HUB_OFFLINE, datasets.config.HF_HUB_OFFLINE = was_offline


def is_transient(task: object, run: object, state: State) -> bool:
    """Whether an error may be one of the network, which is worth a retry; an error of the config is not."""
    try:
        state.result()
    except (AuditError, OSError) as error:
        cause: BaseException | None = error
        while cause is not None:
            # The client's transport errors are no OSError; their names end like this (ReadTimeout, ConnectError, ...).
            name = type(cause).__name__
            if isinstance(cause, ConnectionError | TimeoutError) or name.endswith(
                ("Timeout", "ConnectError", "ReadError", "ProtocolError")
            ):
                return os.environ.get("HF_HUB_OFFLINE") != "1"
            cause = cause.__cause__ or cause.__context__
    return False
