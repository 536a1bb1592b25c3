"""`tlbench list` and `tlbench show`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tlbench.cli.groups import grouped
from tlbench.cli.options import Cache, Json, Plugins, Results

if TYPE_CHECKING:
    from tlbench.specs import BackboneFamily, BackboneSpec, DatasetSpec, ProtocolSpec

list_app = typer.Typer(help="List what there is.", no_args_is_help=True, rich_markup_mode=None)
show_app = typer.Typer(help="Show one thing whole.", no_args_is_help=True, rich_markup_mode=None)
Name = Annotated[str, typer.Argument(help="Its name, as `tlbench list` has it.")]


@list_app.command("backbones")
@grouped
def list_backbones(*, json: Json = False, cache: Cache = None, plugins: Plugins) -> None:
    """List the backbones, their size and which of their weights are on this machine."""
    host = plugins.open()
    facts = [_backbone_facts(offer.spec, _origin(offer), cache) for offer in host.backbones]
    families = [_family_facts(offer.spec, _origin(offer)) for offer in host.families]
    columns = ("backbone", "input", "features", "parameters", "weights", "offered by")
    rows = [
        (
            fact["backbone"],
            "×".join(str(side) for side in fact["input_size"] or ("any",)),
            f"{fact['feature_size']:,}",
            _millions(fact["parameters"]),
            _needs(fact) or _pretrained(fact["weights"]) or "none",
            fact["origin"],
        )
        for fact in facts
    ]
    rows += [(f["backbone"], "", "", "", _needs(f) or f["title"], f["origin"]) for f in families]
    # Where all are of one origin, saying so on each line would only break the lines.
    last = len(columns) - (len({row[-1] for row in rows}) == 1)
    _print(json, facts + families, columns[:last], [row[:last] for row in rows])


@list_app.command("datasets")
@grouped
def list_datasets(*, json: Json = False, plugins: Plugins) -> None:
    """List the data sets and layouts that can be read."""
    host = plugins.open()
    facts = [_dataset_facts(offer.spec, _origin(offer)) for offer in host.datasets]
    columns = ("data set", "title", "subsets", "licence", "offered by")
    rows = [
        (f["dataset"], f["title"], ", ".join(f["subsets"]) or "–", f["licence"], f["origin"])
        for f in facts
    ]
    _print(json, facts, columns, rows)


@list_app.command("protocols")
@grouped
def list_protocols(*, json: Json = False, plugins: Plugins) -> None:
    """List the protocols."""
    host = plugins.open()
    facts = [_protocol_facts(offer.spec, _origin(offer)) for offer in host.protocols]
    columns = ("protocol", "title", "views", "offered by")
    rows = [(f["name"], f["title"], str(len(f["training_views"])), f["origin"]) for f in facts]
    _print(json, facts, columns, rows)


@list_app.command("plugins")
@grouped
def list_plugins(*, json: Json = False, plugins: Plugins) -> None:
    """List the plugins: where each comes from, what it offers, and why one is left out."""
    host = plugins.open()
    facts: list[dict[str, Any]] = [
        {
            "plugin": p.source.plugin,
            "origin": p.source.origin,
            "offers": list(p.offers),
            "problem": p.problem,
        }
        for p in host.plugins
    ]
    columns = ("plugin", "from", "offers")
    rows = [
        (
            f["plugin"],
            f["origin"],
            f"left out: {f['problem']}" if f["problem"] else ", ".join(f["offers"]) or "–",
        )
        for f in facts
    ]
    _print(json, facts, columns, rows)


@list_app.command("runs")
def list_runs(json: Json = False, results: Results = Path("results")) -> None:
    """List the finished runs."""
    from tlbench.cli.output import print_warning
    from tlbench.records import list_records
    from tlbench.report.sheets import estimate, stacked

    records = list_records(results, print_warning)
    facts = [
        {
            "run": r["run"],
            "auc": {key: r["auc"][key] for key in ("value", "low", "high", "level")},
            "holdout": r["holdout"]["n"],
            "created": r["created"],
            "leaks": len(r.get("audit", {}).get("leaks", ())),
            "synthetic": r["synthetic"],
        }
        for r in records
    ]
    columns = ("run", "AUC")
    rows = [
        (
            f["run"],
            stacked(estimate(f["auc"]))
            + "\nsynthetic" * f["synthetic"]
            + "\nleaks in the data" * bool(f["leaks"]),
        )
        for f in facts
    ]
    _print(json, facts, columns, rows, names_whole=False)


@show_app.command("backbone")
@grouped
def show_backbone(name: Name, *, json: Json = False, cache: Cache = None, plugins: Plugins) -> None:
    """Show a backbone: its preprocessing, and each of its weights."""
    from tlbench.backbones import find_backbone

    offer = find_backbone(plugins.open(), name)
    facts = _backbone_facts(offer.spec, _origin(offer), cache)
    shown = {key: value for key, value in facts.items() if key != "weights"}
    for weights in facts["weights"]:
        kept = ("trained_on", "licence", "source", "checksum")
        lines = [weights["title"], *(f"{k.replace('_', ' ')}: {weights[k]}" for k in kept)]
        if weights["size"]:
            lines.append(f"size: {weights['size'] / 1e6:.0f} MB")
        lines.append("on this machine" if weights["here"] else "not on this machine yet")
        shown[f"weights {weights['name']}"] = "\n".join(
            line for line in lines if not line.endswith(": None")
        )
    _show(json, facts, shown)


@show_app.command("dataset")
@grouped
def show_dataset(name: Name, *, json: Json = False, plugins: Plugins) -> None:
    """Show a data set: where it comes from, its licence, and what layout is read."""
    offer = plugins.open().datasets.find(name)
    facts = _dataset_facts(offer.spec, _origin(offer))
    issues = "\n".join(f"- {issue}" for issue in facts["known_issues"])
    exclusions = [f"{name}: {condition}" for name, condition in facts["exclusions"].items()]
    shown = facts | {"exclusions": "\n".join(exclusions), "known_issues": issues}
    cohorts = {f"cohort {name}": _cohort_words(rule) for name, rule in facts["cohorts"].items()}
    _show(json, facts, {k: v for k, v in shown.items() if k != "cohorts"} | cohorts)


@show_app.command("protocol")
@grouped
def show_protocol(name: Name, *, json: Json = False, plugins: Plugins) -> None:
    """Show a protocol: its steps in words and its parameters."""
    offer = plugins.open().protocols.find(name)
    facts = _protocol_facts(offer.spec, _origin(offer))
    steps = [f"{i}. {step}" for i, step in enumerate(facts["steps"], start=1)]
    _show(json, facts, facts | {"steps": "\n".join(steps)})


@show_app.command("run")
def show_run(name: Name, json: Json = False, results: Results = Path("results")) -> None:
    """Show a finished run: its table again, and where its parts lie."""
    from tlbench.cli.output import print_json, print_sheet
    from tlbench.records import get_record
    from tlbench.report.rows import run_sheet

    record = get_record(results, name)
    if json:
        print_json(dict(record))
    else:
        print_sheet(run_sheet([record]))


def _origin(offer: Any) -> str:
    return str(offer.source.origin)


def _backbone_facts(spec: BackboneSpec, origin: str, cache: Path | None) -> dict[str, Any]:
    from tlbench.backbones import missing_packages
    from tlbench.cli.output import print_warning
    from tlbench.environment import cache_folder
    from tlbench.progress import Progress
    from tlbench.weights import is_here, weights_request

    request = weights_request(spec, cache or cache_folder(), True, Progress())
    rule = spec.preprocessing
    return {
        "backbone": spec.name,
        "title": spec.title,
        "input_size": list(rule.size) if rule.size else None,
        "input_scale": list(rule.scale),
        "input_mean": list(rule.mean),
        "input_std": list(rule.std),
        "input_channels": rule.channels,
        "feature_size": spec.feature_size,
        "layers": dict(spec.layers),
        "parameters": spec.parameters,
        "missing": missing_packages(spec),
        "install": spec.install,
        "framework": spec.framework,
        "licence": spec.licence,
        "reference": spec.reference,
        "origin": origin,
        "weights": [
            {
                "name": w.name,
                "title": w.title,
                "trained_on": w.trained_on,
                "licence": w.licence,
                "source": w.source,
                "checksum": w.checksum,
                "size": w.size,
                "control": w.control,
                "here": is_here(w, request, print_warning),
            }
            for w in spec.weights
        ],
    }


def _family_facts(spec: BackboneFamily, origin: str) -> dict[str, Any]:
    from tlbench.backbones import missing_packages

    return {
        "backbone": f"{spec.name}:{spec.argument}",
        "title": spec.title,
        "missing": missing_packages(spec),
        "install": spec.install,
        "origin": origin,
    }


def _needs(fact: dict[str, Any]) -> str:
    """The line that installs what a backbone lacks here; empty where it lacks nothing."""
    missing = " ".join(fact["missing"])
    return (fact["install"] or f"pip install {missing}") if missing else ""


def _pretrained(weights: list[dict[str, Any]]) -> str:
    """The names of weights, controls such as `random` left out, and which are on this machine."""
    kept = [w for w in weights if not w["control"]] or weights
    return ", ".join(w["name"] + (" (here)" if w["here"] else "") for w in kept)


def _millions(parameters: int | None) -> str:
    """Millions to one digit; what is less than that, whole."""
    if parameters is None:
        return "–"
    return f"{parameters / 1e6:.1f} M" if parameters >= 50_000 else f"{parameters:,}"


def _dataset_facts(spec: DatasetSpec, origin: str) -> dict[str, Any]:
    return {
        "dataset": spec.name,
        "title": spec.title,
        "layout": spec.layout,
        "subsets": list(spec.subsets),
        "label": spec.label,
        "unit": spec.unit,
        "patients": spec.group,
        "exclusions": dict(spec.exclusions),
        "cohorts": {name: asdict(rule) for name, rule in spec.cohorts.items()},
        "reveals_label": list(spec.reveals_label),
        "synthetic": spec.synthetic,
        "known_issues": list(spec.known_issues),
        "licence": spec.licence,
        "source": spec.source,
        "citation": spec.citation,
        "origin": origin,
    }


def _cohort_words(rule: dict[str, Any]) -> str:
    numbers = f"{rule['positives']:,} positive and {rule['negatives']:,} negative"
    where = f", where {rule['where']}" if rule["where"] else ""
    return f"{rule['title']}\n{numbers}{where}; drawn by patient from seed {rule['seed']}"


def _protocol_facts(spec: ProtocolSpec, origin: str) -> dict[str, Any]:
    from tlbench.protocols import describe_protocol

    return describe_protocol(spec) | {"origin": origin}


def _print(
    json: bool,
    facts: Any,
    columns: tuple[str, ...],
    rows: list[Any],
    *,
    names_whole: bool = True,
) -> None:
    from tlbench.cli.output import print_json, print_table

    if json:
        print_json(facts)
    else:
        print_table(columns, rows, names_whole=names_whole)


def _show(json: bool, facts: dict[str, Any], shown: dict[str, Any]) -> None:
    from tlbench.cli.output import print_facts, print_json

    if json:
        print_json(facts)
        return
    print_facts({key.replace("_", " "): _words(v) for key, v in shown.items() if _words(v)})


def _words(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {item}" for key, item in value.items())
    if isinstance(value, list):
        return ", ".join(str(item) for item in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else str(value or "")
