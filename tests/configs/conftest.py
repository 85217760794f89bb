"""What is said about a config."""

import pytest

from configs.errors import ConfigError
from configs.load import load_config


@pytest.fixture
def complaints(tmp_path):
    """The lines of the error for a YAML text and overrides, with the file's path left out."""

    def complain(text, *overrides):
        file = tmp_path / "a.yaml"
        file.write_text(text, encoding="utf-8")
        with pytest.raises(ConfigError) as caught:
            load_config(file, overrides)
        return str(caught.value).replace(str(file), "a.yaml").splitlines()

    return complain
