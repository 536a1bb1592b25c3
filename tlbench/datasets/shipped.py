"""The data sets that ship with tlbench, offered the way any plugin offers them."""

from __future__ import annotations

from collections.abc import Iterable

from tlbench.datasets.cards import read_card
from tlbench.hookspecs import hookimpl
from tlbench.specs import DatasetRequest, DatasetSpec, Radiograph


@hookimpl
def tlbench_register_datasets() -> Iterable[DatasetSpec]:
    """Return the data sets as their cards describe them."""
    return [
        read_card("demo").describe(_read_demo),
        read_card("folder").describe(_read_folder),
        read_card("fracatlas").describe(_read_fracatlas),
        read_card("grazpedwri-dx").describe(_read_grazpedwri_dx),
        read_card("manifest").describe(_read_manifest),
        read_card("dicom").describe(_read_dicom),
        read_card("mura").describe(_read_mura),
    ]


# Readers are imported when a data set is read: listing them stays free.
def _read_demo(request: DatasetRequest) -> list[Radiograph]:
    from tlbench.datasets import demo

    return demo.read(request)


def _read_folder(request: DatasetRequest) -> list[Radiograph]:
    from tlbench.datasets import folder

    return folder.read(request)


def _read_fracatlas(request: DatasetRequest) -> list[Radiograph]:
    from tlbench.datasets import fracatlas

    return fracatlas.read(request)


def _read_grazpedwri_dx(request: DatasetRequest) -> list[Radiograph]:
    from tlbench.datasets import grazpedwri_dx

    return grazpedwri_dx.read(request)


def _read_manifest(request: DatasetRequest) -> list[Radiograph]:
    from tlbench.datasets import manifest

    return manifest.read(request)


def _read_dicom(request: DatasetRequest) -> list[Radiograph]:
    from tlbench.datasets import dicom

    return dicom.read(request)


def _read_mura(request: DatasetRequest) -> list[Radiograph]:
    from tlbench.datasets import mura

    return mura.read(request)
