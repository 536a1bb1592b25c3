"""`tlbench run`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from tlbench.cli.groups import grouped
from tlbench.cli.options import (
    ALL,
    Cache,
    Ci,
    Dataset,
    Json,
    Level,
    Limits,
    Offline,
    Place,
    Plugins,
    Prepare,
    Results,
    Selection,
    UnitOption,
)

if TYPE_CHECKING:
    from tlbench.specs import Unit


@grouped
def run_command(
    *,
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
    place: Place,
    selection: Selection,
    prepare: Prepare = None,
    unit: UnitOption = None,
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
    level: Level = 0.95,
    ci: Ci = Limits.logit,
    results: Results = Path("results"),
    cache: Cache = None,
    offline: Offline = False,
    skip_unreadable: Annotated[
        bool, typer.Option("--skip-unreadable", help="Leave out files that can't be read.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Run anew what is finished already.")
    ] = False,
    json: Json = False,
    plugins: Plugins,
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

    host = plugins.open()
    files = plugins.plugin or []
    if ALL in backbone:
        from tlbench.cli.available import Wish, expand

        wish = Wish(weights, cache or cache_folder(), offline)
        backbone = expand(backbone, host, files, wish)
    names = list(dict.fromkeys(f"{name}@{layer}" if layer else name for name in backbone))
    requests = [
        RunRequest(
            backbone=name,
            dataset=dataset,
            **place.as_choice(),
            **selection.as_choice(),
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

        run_many(requests, files, host, json=json)
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
