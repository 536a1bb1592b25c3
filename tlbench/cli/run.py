"""`tlbench run`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from tlbench.cli.options import (
    ALL,
    Cache,
    Cohort,
    Columns,
    DataRoot,
    Dataset,
    Exclude,
    Json,
    Limits,
    Manifest,
    PluginFiles,
    Positive,
    Prepare,
    Results,
    StrictPlugins,
    Subset,
    Where,
    Without,
    data_choice,
    open_plugins,
)

if TYPE_CHECKING:
    from tlbench.specs import Unit


def run_command(
    backbone: Annotated[
        list[str],
        typer.Option(
            "--backbone",
            "-b",
            help="The backbone; may be repeated. all-available: all whose weights can be had.",
        ),
    ],
    layer: Annotated[
        str | None,
        typer.Option(help="Take features from this earlier layer; the same as NAME@LAYER."),
    ] = None,
    dataset: Dataset = "demo",
    subset: Subset = None,
    data_root: DataRoot = None,
    positive: Positive = None,
    manifest: Manifest = None,
    column: Columns = None,
    where: Where = None,
    without: Without = None,
    cohort: Cohort = None,
    exclude: Exclude = None,
    prepare: Prepare = None,
    unit: Annotated[
        str | None, typer.Option(help="What a score is of: image, study, patient.")
    ] = None,
    audit: Annotated[
        str, typer.Option(help="What a leak does: strict stops, warn marks, off does not look.")
    ] = "strict",
    protocol: Annotated[str, typer.Option(help="The protocol.")] = "paper2018",
    weights: Annotated[
        str,
        typer.Option(help="auto: the first that can be had; or a name, random, or a file."),
    ] = "auto",
    engine: Annotated[
        str, typer.Option(help="What runs the backbone: auto, tensorflow, openvino, onnxruntime.")
    ] = "auto",
    precision: Annotated[
        str, typer.Option(help="Its numbers: auto, float32, bfloat16; or int8 (experimental).")
    ] = "auto",
    cached_as: Annotated[
        str, typer.Option(help="The numbers features are cached in: float32, or float16 (half).")
    ] = "float32",
    seed: Annotated[
        int, typer.Option(help="Decides partitions and training, never the hold-out.", min=0)
    ] = 0,
    repeats: Annotated[
        int, typer.Option(help="So many seeds, from --seed on, each a run of its own.", min=1)
    ] = 1,
    level: Annotated[
        float, typer.Option(help="The level of the intervals.", min=0.5, max=0.9999)
    ] = 0.95,
    ci: Annotated[Limits, typer.Option(help="How the limits of the AUC are made.")] = Limits.logit,
    results: Results = Path("results"),
    cache: Cache = None,
    offline: Annotated[bool, typer.Option("--offline", help="Never touch the network.")] = False,
    skip_unreadable: Annotated[
        bool, typer.Option("--skip-unreadable", help="Leave out files that can't be read.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Run anew what is finished already.")
    ] = False,
    json: Json = False,
    plugin: PluginFiles = None,
    strict_plugins: StrictPlugins = False,
) -> None:
    """Evaluate backbones: extract features, train the top layer, measure it on the hold-out."""
    from tlbench.backbones import find_backbone
    from tlbench.cli.output import (
        ConsoleProgress,
        print_json,
        print_line,
        print_sheet,
        print_text,
    )
    from tlbench.environment import cache_folder
    from tlbench.report.seeds import run_sheets
    from tlbench.run import execute
    from tlbench.run_request import RunRequest

    host = open_plugins(plugin, strict_plugins)
    if ALL in backbone:
        from tlbench.cli.available import Wish, expand

        wish = Wish(weights, cache or cache_folder(), offline)
        backbone = expand(backbone, host, plugin or [], wish)
    names = list(dict.fromkeys(f"{name}@{layer}" if layer else name for name in backbone))
    chosen = data_choice(
        dataset=dataset,
        subset=subset,
        data_root=data_root,
        positive=positive,
        manifest=manifest,
        column=column,
        where=where,
        without=without,
        cohort=cohort,
        exclude=exclude,
    )
    requests = [
        RunRequest(
            backbone=name,
            **chosen,
            prepare=tuple(prepare or ()),
            unit=cast("Unit | None", unit),
            audit=audit,
            protocol=protocol,
            weights=weights,
            engine=engine,
            precision=precision,
            cached_as=cached_as,
            seed=seed,
            repeats=repeats,
            level=level,
            ci=ci.value,
            results=results,
            cache=cache,
            offline=offline,
            skip_unreadable=skip_unreadable,
            force=force,
        )
        for name in names
    ]
    for name in names:
        find_backbone(host, name)  # a misspelt second backbone is found before the first one runs
    if len(names) > 1:
        from tlbench.cli.many import run_many

        run_many(requests, plugin or [], host, json=json)
        return
    progress = ConsoleProgress()
    records = [record for request in requests for record in execute(request, host, progress)]
    if json:
        data = [dict(record) for record in records]
        print_json(data if len(data) > 1 else data[0])
    else:
        for number, sheet in enumerate(run_sheets(records)):
            if number:
                print_text("\n")
            print_sheet(sheet)
    for record in records:
        print_line(f"saved in {record.folder}")
