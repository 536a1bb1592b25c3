"""`tlbench doctor`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tlbench.cli.groups import grouped
from tlbench.cli.options import Cache, Json, Plugins
from tlbench.files import size_in_words

if TYPE_CHECKING:
    from tlbench.plugins import PluginHost


@grouped
def doctor_command(
    *,
    json: Json = False,
    bench: Annotated[
        bool, typer.Option("--bench", help="Measure every engine; takes about a minute.")
    ] = False,
    backbone: Annotated[
        str | None, typer.Option(help="The backbone to measure; by default the first one here.")
    ] = None,
    dataset: Annotated[
        str, typer.Option(help="With --bench: the data set on which the drift is measured.")
    ] = "demo",
    data_root: Annotated[
        Path | None, typer.Option(help="The folder of the data set.", metavar="DIR")
    ] = None,
    cache: Cache = None,
    plugins: Plugins,
) -> None:
    """Say what this machine can do: engines, precision, weights, disk, cache, plugins."""
    from tlbench.cli.output import print_facts, print_json, print_line, print_table
    from tlbench.doctor import examine
    from tlbench.environment import cache_folder

    host = plugins.open()
    folder = cache or cache_folder()
    facts = examine(host, folder)
    if bench:
        facts["bench"] = _measure(host, backbone, folder, dataset, data_root)
    if json:
        print_json(facts)
        return
    print_facts(_words(facts))
    if bench:
        columns = ("engine", "images/s", "least cosine", "drift of AUC", "")
        rows = [
            (
                row["name"],
                f"{row['rate']:.1f}",
                f"{row['least_cosine']:.6f}",
                _drift_in_words(row["drift"]),
                "best" if row["best"] else "experimental" if row["name"].endswith("int8") else "",
            )
            for row in facts["bench"]
        ]
        print_table(columns, rows)
        print_line(
            f"Least cosine of features to those of tensorflow float32, and drift of a linear "
            f'probe\'s AUC from theirs (5 folds, mean and range over 5 seeds), on "{dataset}".'
        )


def _measure(
    host: PluginHost, backbone: str | None, cache: Path, dataset: str, data_root: Path | None
) -> list[dict[str, Any]]:
    from dataclasses import asdict

    from tlbench.cli.output import ConsoleProgress
    from tlbench.datasets.table import read_table
    from tlbench.doctor import find_network, make_batches, measure_drifts, measure_engines
    from tlbench.features.engines.choose import has_bfloat16, quantiser_version
    from tlbench.specs import DataChoice

    progress = ConsoleProgress()
    if backbone is not None:
        host.backbones.find(backbone)
    network = find_network(host, backbone, cache, progress)
    choice = DataChoice(dataset=dataset, data_root=data_root)
    table = read_table(host.datasets.find(dataset).spec, choice, cache, progress)
    network.say(f"measuring {network.spec.name} on preloaded batches")
    # Where the processor has no bfloat16, it would only be emulated, several times slower.
    precisions = ["float32"]
    precisions += ["bfloat16"] * has_bfloat16() + ["int8"] * (quantiser_version() is not None)
    measured = measure_engines(network, make_batches(network), precisions)
    best = max(m.rate for m in measured if m.precision != "int8")
    drifts = measure_drifts(network, table, cache, progress, precisions)
    return [
        {
            "name": m.name,
            "rate": m.rate,
            "best": m.rate == best,
            "least_cosine": drifts[m.engine, m.precision].least_cosine,
            "drift": asdict(drifts[m.engine, m.precision]),
        }
        for m in measured
    ]


def _drift_in_words(drift: dict[str, float]) -> str:
    return f"{drift['mean']:+.4f} ({drift['low']:+.4f} to {drift['high']:+.4f})"


def _words(facts: dict[str, Any]) -> dict[str, str]:
    engines = [
        f"{e['engine']} {e['version'].partition('/')[0]}" + (" (auto)" if e["auto"] else "")
        if e["version"]
        else f"{e['engine']} not installed"
        for e in facts["engines"]
    ]
    weights = [f"{name}: {', '.join(w) or 'none'}" for name, w in facts["weights_here"].items()]
    found = [
        f"{p['plugin']} ({p['origin']})" + (f": {p['problem']}" if p["problem"] else "")
        for p in facts["plugins"]
    ]
    cache = facts["cache"]
    return {
        "engines": "\n".join(engines),
        "precision of auto": facts["precision"],
        "int8": _int8(facts),
        "processor": f"{facts['cores']} cores, {', '.join(facts['processor_features']) or '?'}",
        "graphics processor": "yes" if facts["gpu"] else "none that TensorFlow could use",
        "weights here": "\n".join(weights),
        "cache": f'{size_in_words(cache["size"])} in "{cache["folder"]}", '
        f"{size_in_words(cache['free'])} free",
        "plugins": "\n".join(found),
    }


def _int8(facts: dict[str, Any]) -> str:
    if facts["int8"]:
        return f"nncf {facts['int8']}, experimental: only by --precision int8"
    if not any(e["engine"] == "openvino" and e["version"] for e in facts["engines"]):
        return "needs OpenVINO"
    return 'not installed: pip install "tlbench[int8]"'
