"""Parquet tables that describe radiographs, as rows of text like those of a CSV file."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from tlbench.datasets.csv_files import Row, check_columns
from tlbench.errors import DataError

_SIGNATURE = b"PAR1"


def is_parquet(path: Path) -> bool:
    """Tell whether a file begins like a Parquet file; one that can't be opened does not."""
    try:
        with path.open("rb") as stream:
            return stream.read(4) == _SIGNATURE
    except OSError:
        return False


def read_parquet(path: Path) -> tuple[list[Row], list[str]]:
    """Read a Parquet file; returns its rows, and the names of columns that no text can stand for.

    Values become text as a CSV file would have it: whole numbers without a decimal point, true and
    false as 1 and 0, what is missing as an empty text. Columns of bytes, lists and structures are
    left out. The `line` of a row is its number from 1. Raises `DataError` where pyarrow is not
    installed, the file is damaged, has no rows, or repeats a column.
    """
    try:
        import pyarrow as arrow
        from pyarrow import parquet
    except ImportError:
        raise DataError(
            f'"{path}" is a Parquet file, which is read by pyarrow',
            "pip install 'tlbench[parquet]', or save the table as CSV",
        ) from None
    try:
        with parquet.ParquetFile(path) as file:
            fields = list(file.schema_arrow)
            flat = [field.name for field in fields if _is_flat(field.type, arrow.types)]
            check_columns(path, [field.name.strip() for field in fields], ())
            columns = file.read(columns=flat).to_pydict()
    except (arrow.ArrowException, OSError) as error:
        reason = " ".join(str(error).split()).rstrip(".").lower()[:200]
        raise DataError(
            f'"{path}" can\'t be read as Parquet: {reason}', "write it anew, or save it as CSV"
        ) from None
    names = {name: name.strip() for name in flat}
    rows = [
        Row(number, dict(zip(names.values(), map(_text, values), strict=True)))
        for number, values in enumerate(zip(*columns.values(), strict=True), start=1)
    ]
    if not rows:
        raise DataError(f'"{path}" has no rows', "check that it was copied whole")
    return rows, [field.name for field in fields if field.name not in names]


def _is_flat(kind: Any, types: Any) -> bool:
    if types.is_dictionary(kind):
        return _is_flat(kind.value_type, types)
    texts = types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind)
    return bool(
        texts or (types.is_primitive(kind) or types.is_decimal(kind) or types.is_null(kind))
    )


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, float) and (value.is_integer() or math.isnan(value)):
        return "" if math.isnan(value) else str(int(value))
    return str(value).strip()
