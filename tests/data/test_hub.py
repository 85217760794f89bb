"""Datasets of the Hugging Face hub, without a network."""

import logging
import socket
import sys
import time

import datasets
import huggingface_hub
import pytest

from configs.errors import DataError
from configs.schema import DataConfig
from tasks.data.sources import dataset_fingerprint, open_dataset

HUB = DataConfig(hub="owner/name", revision="8d51e7e4887a4caaa95b3fbebbf53c0490b58bbb")


def test_without_a_network_a_hub_dataset_gives_one_sentence_within_seconds(monkeypatch, tmp_path):
    def unreachable(*args, **options):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unreachable)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path)
    started = time.monotonic()
    with pytest.raises(DataError) as caught:
        open_dataset(HUB)
    assert time.monotonic() - started < 5
    assert str(caught.value) == (
        "data.hub: owner/name at 8d51e7e4887a4caaa95b3fbebbf53c0490b58bbb cannot be fetched from the Hugging Face hub (huggingface.co cannot be "
        "reached, and no copy of the dataset was kept from before). Check the name, the commit and the network, or save the dataset to a folder and set data.path."
    )
    assert isinstance(caught.value.__cause__, ConnectionError), "what makes Prefect try again"
    assert not datasets.config.HF_HUB_OFFLINE
    assert not huggingface_hub.constants.HF_HUB_OFFLINE


def test_a_hub_that_answers_and_fails_gives_our_sentence_and_no_lines_of_its_client(monkeypatch, capsys):
    client = logging.getLogger("huggingface_hub.utils._http")
    handler = logging.StreamHandler(sys.stderr)

    class RemoteProtocolError(Exception):
        """What the transport of the hub's client raises has no class of its own among the built-in ones."""

    def failing(*args, **options):
        client.warning("Retrying in 1s [Retry 1/5].")
        raise RemoteProtocolError("Server disconnected without sending a response.")

    # Its host can be connected to.
    monkeypatch.setattr(socket, "create_connection", lambda *address, **options: socket.socket())
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(datasets, "load_dataset", failing)
    client.addHandler(handler)
    try:
        with pytest.raises(DataError, match=r"the Hugging Face hub \(Server disconnected .+\)\. Check the name"):
            open_dataset(HUB)
    finally:
        client.removeHandler(handler)
    assert capsys.readouterr().err == ""
    assert client.isEnabledFor(logging.WARNING), "again, for others"


def test_offline_mode_needs_no_network_to_say_no(monkeypatch, tmp_path):
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path)
    with pytest.raises(
        DataError,
        match=r"cannot be fetched from the Hugging Face hub \(Couldn't reach 'owner/name' on the Hub \(OfflineModeIsEnabled\)\)",
    ):
        open_dataset(HUB)


def test_a_cached_copy_of_another_commit_is_refused(monkeypatch):
    """Without a network `datasets` takes the latest copy it has of that name, whatever commit was asked for."""
    opened = datasets.Dataset.from_dict({"text": ["a"], "label": ["x"]})
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets, "load_dataset", lambda *args, **options: opened)
    opened.info.download_checksums = {
        f"hf://datasets/owner/name@{HUB.revision}/data/test.parquet": {"num_bytes": 9, "checksum": None}
    }
    assert open_dataset(HUB).columns == ("text", "label")
    opened.info.download_checksums = {
        "hf://datasets/owner/name@0000000000/data/test.parquet": {"num_bytes": 9, "checksum": None}
    }
    with pytest.raises(
        DataError, match=r"is not at hand, only another commit of it \(hf://datasets/owner/name@0000000000/data"
    ):
        open_dataset(HUB)


def test_a_local_folder_with_the_name_of_the_hub_dataset_is_not_read_in_its_place(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "owner" / "name").mkdir(parents=True)
    with pytest.raises(
        DataError, match="there is a local folder owner/name, which would be read in the place of the hub dataset"
    ):
        open_dataset(HUB)


def test_a_hub_dataset_is_named_by_its_address():
    other = HUB.model_copy(update={"split": "train"})
    assert dataset_fingerprint(HUB) == dataset_fingerprint(HUB.model_copy())
    assert dataset_fingerprint(HUB) != dataset_fingerprint(other)
