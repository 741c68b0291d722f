"""Files of samples: one FITS table, with everything else as JSON in its header."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import numpy as np

from gammafold.modeling.models.collection import Models
from gammafold.sampling.result import Draws, SamplingResult
from gammafold.utils.errors import FileFormatError
from gammafold.utils.files import atomic_path
from gammafold.utils.fitsfiles import open_fits

if TYPE_CHECKING:
    from astropy.table import Table

__all__ = ["read_result", "to_table", "write_result"]

_SCHEMA = 1
_HDU = "SAMPLES"


def to_table(result: SamplingResult) -> Table:
    """Return the samples as a table; see `SamplingResult.to_table`."""
    from astropy.table import Column, Table

    columns = [
        Column(result.samples[:, i], name=name, unit=unit or None)
        for i, (name, unit) in enumerate(zip(result.names, result.units, strict=True))
    ]
    return Table([*columns, Column(result.log_prob, name="log_prob")])


def write_result(result: SamplingResult, filename: str | os.PathLike[str], overwrite: bool) -> None:
    """Write a result; see `SamplingResult.write`."""
    from astropy.io import fits

    hdu = fits.table_to_hdu(to_table(result))
    hdu.name = _HDU
    record = {
        "schema": _SCHEMA,
        "names": result.names,
        "units": result.units,
        "backend": result.backend,
        "seed": result.seed,
        "diagnostics": result.diagnostics,
        "warnings": result.draws.warnings,
        "evidence": result.draws.evidence,
        "models": result.models.to_dict(),
        "versions": result.versions,
    }
    text = json.dumps(record)
    text_hdu = fits.BinTableHDU.from_columns(
        [fits.Column("RECORD", f"{len(text.encode())}A", array=[text.encode()])], name="RECORD"
    )
    with atomic_path(filename, overwrite=overwrite) as temporary:
        fits.HDUList([fits.PrimaryHDU(), hdu, text_hdu]).writeto(temporary, overwrite=True, checksum=True)


def read_result(filename: str | os.PathLike[str]) -> SamplingResult:
    """Read a result; see `SamplingResult.read`."""
    with open_fits(filename, False) as hdulist:
        for name in (_HDU, "RECORD"):
            if name not in hdulist:
                raise FileFormatError(f"there is no extension {name!r}: these are no samples of a posterior")
        record: dict[str, Any] = json.loads(str(hdulist["RECORD"].data["RECORD"][0]))
        if record.get("schema") != _SCHEMA:
            raise FileFormatError(f"RECORD has the schema {record.get('schema')!r}: expected {_SCHEMA}")
        data = hdulist[_HDU].data
        samples = np.stack([np.asarray(data[name], dtype=float) for name in record["names"]], axis=-1)
        log_prob = np.asarray(data["log_prob"], dtype=float)
    evidence = record["evidence"]
    return SamplingResult(
        draws=Draws(
            samples, log_prob, record["diagnostics"], record["warnings"], None if evidence is None else tuple(evidence)
        ),
        names=tuple(record["names"]),
        units=tuple(record["units"]),
        backend=record["backend"],
        seed=record["seed"],
        models=Models.from_dict(record["models"]),
        versions=record["versions"],
    )
