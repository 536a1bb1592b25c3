"""Models of timm: how many features they make, their weights, and pixels through them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tlbench.errors import PluginError, WeightsError

Three = tuple[float, float, float]
_FORMATS = "tlbench reads .safetensors, and .pth, .pt and .bin files that hold nothing but weights"
_SUFFIXES = (".safetensors", ".pth", ".pt", ".bin")


def features_of(name: str, shape: tuple[int, int, int]) -> tuple[int, int]:
    """Return how many features a model makes of an image of `shape`, and its parameters.

    Raises `PluginError` where it makes no vector.
    """
    import timm
    import torch

    for device in ("meta", "cpu"):  # "meta" calculates shapes alone, which a few models can't
        try:
            with torch.device(device), torch.inference_mode():
                model = timm.create_model(name, num_classes=0).eval()
                out = model(torch.zeros(1, *shape))
        except Exception:
            if device == "cpu":
                raise
            continue
        break
    if not isinstance(out, torch.Tensor) or out.ndim != 2:
        raise PluginError(
            f'timm model "{name}" makes no vector of an image', "choose one that classifies images"
        )
    return out.shape[1], sum(each.numel() for each in model.parameters())


def loader(name: str, mean: Three, std: Three) -> Callable[[Path | None], Any]:
    """Return the `load` of a backbone: from a weights file to what turns pixels into features."""

    def load(file: Path | None) -> Any:
        import torch

        assert file is not None  # every backbone of this family has weights
        model = load_model(name, file).eval().to(memory_format=torch.channels_last)
        centre, spread = (torch.tensor(each).reshape(1, 3, 1, 1) for each in (mean, std))

        def extract(pixels: NDArray[Any]) -> NDArray[np.float32]:
            images = torch.from_numpy(pixels.astype(np.float32)) / np.iinfo(pixels.dtype).max
            colour = images.movedim(3, 1) if images.ndim == 4 else images[:, None]
            scaled = ((colour - centre) / spread).contiguous(memory_format=torch.channels_last)
            with torch.inference_mode():
                return np.asarray(model(scaled).float().numpy())

        return extract

    return load


def load_model(name: str, file: Path) -> Any:
    """Return the model with the weights of `file`, without its classifier.

    Nothing in the file is executed. Raises `WeightsError` where it can't be read, belongs to
    another model, or holds values that are not finite.
    """
    import timm
    import torch

    state = _read(file)
    # timm knows how to leave out a classifier, of any number of classes, and older names of layers.
    source = {"state_dict": state, "custom_load": False, "num_classes": -1}
    bare = timm.create_model(name, num_classes=0)
    lacking: list[str] = []
    try:
        if state.keys() == bare.state_dict().keys():
            model = bare
            model.load_state_dict(state)
        else:
            with _noting_lacks(lacking):
                model = timm.create_model(
                    name, num_classes=0, pretrained=True, pretrained_cfg_overlay=source
                )
    except (RuntimeError, KeyError, ValueError, TypeError, AttributeError) as error:
        said = " ".join(str(error).split())
        raise _misfit(file, name, said.partition("state_dict for ")[2] or said) from error
    loaded = model.state_dict()
    lacks = [key for key in lacking if key in loaded and loaded[key].is_floating_point()]
    if lacks:
        raise _misfit(file, name, "it lacks " + ", ".join(lacks))
    for key, value in loaded.items():
        if value.is_floating_point() and not torch.isfinite(value).all():
            raise WeightsError(
                f'"{file}" holds values that are not finite, in "{key}"',
                "the file is damaged or its training diverged; use another",
            )
    return model


@contextmanager
def _noting_lacks(lacking: list[str]) -> Iterator[None]:
    """Note which arrays files lack: timm only logs them, and leaves them as they were drawn.

    Without this, the weights of another network would pass for this one's.
    """
    import torch

    original = torch.nn.Module.load_state_dict

    def load_state_dict(module: Any, *args: Any, **options: Any) -> Any:
        result = original(module, *args, **options)
        lacking.extend(result.missing_keys)
        return result

    torch.nn.Module.load_state_dict = load_state_dict
    try:
        yield
    finally:
        torch.nn.Module.load_state_dict = original


def _misfit(file: Path, name: str, said: str) -> WeightsError:
    return WeightsError(f'"{file}" does not fit timm\'s {name}: {said[:150]}', _FORMATS)


def _read(file: Path) -> dict[str, Any]:
    import torch
    from timm.models import load_state_dict

    if file.suffix not in _SUFFIXES:
        raise WeightsError(f'"{file}" is no weights file of PyTorch', _FORMATS)
    try:
        state = load_state_dict(str(file), weights_only=True)
    except Exception as error:  # damaged files make the two formats' readers raise nearly anything
        said = " ".join(str(error).split()) or type(error).__name__
        raise WeightsError(f'"{file}" can\'t be read: {said[:150]}', _FORMATS) from error
    if not state or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise WeightsError(f'"{file}" holds something else than weights', _FORMATS)
    return dict(state)
