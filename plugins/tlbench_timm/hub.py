"""Pre-trained weights from where timm has them: the Hugging Face hub and its cache of the user."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from tlbench.errors import WeightsError
from tlbench.specs import WeightsRequest

_PATIENCE = 3.0
_FILES = ("model.safetensors", "pytorch_model.bin")
"""In the order in which timm looks for them."""


def find(config: Any) -> Path | None:
    """Return the file if it is in the user's cache of the hub."""
    from huggingface_hub import try_to_load_from_cache

    for name in _names(config):
        if config.hf_hub_id:
            repository, revision = _split(config)
            file = try_to_load_from_cache(repository, name, revision=revision)
            if isinstance(file, str):
                return Path(file)
    return None


def obtain(model: str, config: Any, request: WeightsRequest) -> Path:
    """Return the file, downloading it from the hub first if need be.

    Raises `WeightsError` within seconds where the hub can't be reached.
    """
    found = find(config)
    if found is not None:
        return found
    if not config.hf_hub_id:
        raise WeightsError(
            f"pre-trained weights of timm's {model} are not on the hub",
            f"download {config.url} and give it with --weights FILE",
        )
    from huggingface_hub import constants

    if request.offline or constants.HF_HUB_OFFLINE:
        raise WeightsError(
            f'"{_FILES[0]}" of "{config.hf_hub_id}" is missing from '
            f'"{constants.HF_HUB_CACHE}", and the run is offline',
            "run once with a network, or give a file with --weights FILE",
        )
    problem = _reach(constants.ENDPOINT)
    if problem:
        raise _unreachable(config, problem)
    request.say(f'downloading the weights of "{config.hf_hub_id}"')
    return _download(config)


def _download(config: Any) -> Path:
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

    repository, revision = _split(config)
    problem = "it holds no weights"
    for name in _names(config):
        try:
            return Path(hf_hub_download(repository, name, revision=revision))
        except LocalEntryNotFoundError as error:  # the hub's word for a network that failed
            raise _unreachable(config, str(error)) from error
        except EntryNotFoundError:
            continue
        except Exception as error:  # refused, interrupted, no space: the client has many ways
            raise _unreachable(config, str(error) or type(error).__name__) from error
    raise _unreachable(config, problem)


def _names(config: Any) -> tuple[str, ...]:
    return (config.hf_hub_filename,) if config.hf_hub_filename else _FILES


def _split(config: Any) -> tuple[str, str | None]:
    repository, _, revision = config.hf_hub_id.partition("@")
    return repository, revision or None


def _reach(endpoint: str) -> str | None:
    """Return why the hub can't be reached, or None; its own client would try for half a minute.

    It is asked in a thread of its own, since looking up a name obeys no time limit.
    """
    answer: list[str | None] = []
    thread = threading.Thread(target=lambda: answer.append(_ask(endpoint)), daemon=True)
    thread.start()
    thread.join(_PATIENCE)
    return answer[0] if answer else f"no answer within {_PATIENCE:g} s"


def _ask(endpoint: str) -> str | None:
    import urllib.error
    import urllib.request

    try:
        question = urllib.request.Request(endpoint, method="HEAD")
        with urllib.request.urlopen(question, timeout=_PATIENCE):
            return None
    except urllib.error.HTTPError as error:  # it answers
        error.close()
        return None
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        return str(getattr(reason, "strerror", None) or reason)


def _unreachable(config: Any, reason: str) -> WeightsError:
    return WeightsError(
        f'"{config.hf_hub_id}" can\'t be downloaded from the Hugging Face hub '
        f"({' '.join(reason.split())[:150].lower()})",
        "check the network and the proxy, or give a file with --weights FILE",
    )
