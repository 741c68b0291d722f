"""OGIP spectra: files in, plain arrays out, and back.

Nothing here knows maps or datasets. Formats: OGIP memos OGIP/92-007 (spectra) and CAL/GEN/92-002 (responses),
in the dialects that missions really write. `read_ogip` reads a spectrum with everything that belongs to it.
"""

from gammafold.data.ogip.arf import read_arf
from gammafold.data.ogip.bundle import read_ogip
from gammafold.data.ogip.grouping import (
    Bins,
    GroupFlags,
    bins_of,
    group_by_counts,
    group_by_signal_to_noise,
    group_observation,
    group_optimal,
)
from gammafold.data.ogip.model import (
    AncillaryResponse,
    EnergyBounds,
    Observation,
    RawTable,
    RedistributionMatrix,
    Spectrum,
)
from gammafold.data.ogip.pha import read_pha
from gammafold.data.ogip.rmf import read_rmf
from gammafold.data.ogip.write import write_arf, write_background, write_pha, write_rmf

__all__ = [
    "AncillaryResponse",
    "Bins",
    "EnergyBounds",
    "GroupFlags",
    "Observation",
    "RawTable",
    "RedistributionMatrix",
    "Spectrum",
    "bins_of",
    "group_by_counts",
    "group_by_signal_to_noise",
    "group_observation",
    "group_optimal",
    "read_arf",
    "read_ogip",
    "read_pha",
    "read_rmf",
    "write_arf",
    "write_background",
    "write_pha",
    "write_rmf",
]
