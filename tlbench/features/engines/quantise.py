"""int8: a graph of OpenVINO with whole numbers of 8 bits, their scales taken from radiographs."""

from __future__ import annotations

from pathlib import Path

from tlbench.errors import CacheError, EngineError
from tlbench.features.engines.base import QUANTISER, EngineKey, Kind, Network, Pixels, engine_error
from tlbench.features.engines.graphs import GraphCache
from tlbench.features.engines.intel import import_nncf, import_openvino
from tlbench.quiet import quiet_framework, quiet_library

RECIPE = "mixed, no bias correction"
"""How graphs are quantised; whatever changes it must change these words.

Mixed: weights are symmetric around 0, activations need not be, so that backbones without ReLU
lose less; those with it come out the same as with NNCF's faster preset. Bias correction took twice
as long and moved the features of the reference backbone further away from float32's.
"""


def find_quantised(
    graphs: GraphCache, network: Network, key: EngineKey, kind: Kind, exported: Path
) -> Path:
    """Return the graph in int8 made of the graph `exported` for `kind`, quantising where need be.

    The same graph and calibration give the same graph in int8. Raises `EngineError`.
    """
    calibration = network.calibration
    if calibration is None:
        raise ValueError("int8 takes its scales from radiographs: call `calibrate` first")
    version = key.quantiser.replace(" ", "-")

    def make(file: Path) -> None:
        network.say(f"quantising {network.spec.name} to int8 (once)")
        try:
            _quantise(exported, calibration.batches(kind), file)
        except (OSError, CacheError):
            raise
        except Exception as error:  # whatever it raises, it can't quantise this network
            raise int8_error(network, error) from error

    folder = f"{kind.name}-int8-{version}-{calibration.digest[:16]}"
    return graphs.derive(folder, exported.name, make)


def int8_error(network: Network, error: Exception) -> EngineError:
    """Return the one line that says why a backbone can't be run in int8."""
    said = engine_error("openvino int8", network.spec.name, error)
    return EngineError(said.message, "leave out --precision")


def _quantise(exported: Path, batches: list[Pixels], file: Path) -> None:
    openvino, nncf = import_openvino(), import_nncf()
    model = openvino.Core().read_model(exported)
    if model.input(0).element_type == openvino.Type.u16:
        # One that begins with 16 bit can't be compiled; float32 holds the same values.
        model.get_parameters()[0].set_element_type(openvino.Type.f32)
        model.validate_nodes_and_infer_types()
    with quiet_framework(), quiet_library(QUANTISER):
        quantised = nncf.quantize(
            model,
            nncf.Dataset(batches),
            preset=nncf.QuantizationPreset.MIXED,
            target_device=nncf.TargetDevice.CPU,
            subset_size=len(batches),
            advanced_parameters=nncf.AdvancedQuantizationParameters(disable_bias_correction=True),
        )
        openvino.save_model(quantised, file, compress_to_fp16=False)
