"""The joint statistic in bare numpy: the arithmetic that no package can do without."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

import numpy as np
from astropy.io import fits

from timing import serve

FILES = [Path(name) for name in sys.argv[1:]]
KEV = 1e-9


def read_response(pha_path, header):
    """Edges (TeV) and exposure times redistribution, from the files that the PHA file names."""
    arf = fits.getdata(pha_path.with_name(header["ANCRFILE"]), "SPECRESP")
    rmf = fits.getdata(pha_path.with_name(header["RESPFILE"]), "MATRIX")
    matrix = np.zeros((len(rmf), header["DETCHANS"]))
    for row, (firsts, lengths, values) in enumerate(zip(rmf["F_CHAN"], rmf["N_CHAN"], rmf["MATRIX"], strict=True)):
        done = 0
        for first, length in zip(firsts, lengths, strict=True):
            matrix[row, first : first + length] = values[done : done + length]
            done += length
    edges = np.append(arf["ENERG_LO"], arf["ENERG_HI"][-1]).astype(float) * KEV
    return edges, matrix * (arf["SPECRESP"] * header["EXPOSURE"])[:, None]


def load():
    parts = []
    for path in FILES:
        header = fits.getheader(path, "SPECTRUM")
        on = fits.getdata(path, "SPECTRUM")
        off = fits.getdata(path.with_name(header["BACKFILE"]), "SPECTRUM")
        good = on["QUALITY"] == 0
        edges, response = read_response(path, header)
        alpha = np.asarray(on["BACKSCAL"], float)[good] / np.asarray(off["BACKSCAL"], float)[good]
        counts = [np.asarray(table["COUNTS"], dtype=float)[good] for table in (on, off)]
        parts.append((response.T[good], *counts, alpha))
    return edges, *(np.concatenate(column) for column in zip(*parts, strict=True))


def stat():
    edges, response, n_on, n_off, alpha = load()
    total, both = n_on + n_off, alpha * (alpha + 1)
    on = np.where(n_on > 0, n_on, 1)
    off = np.where(n_off > 0, n_off, 1)
    constant = np.sum(n_on * np.log(on) + n_off * np.log(off) - total)
    values = itertools.cycle([2.5, 2.6, 2.7, 2.8])

    def work():
        index = next(values)
        flux = 4e-11 * np.diff(edges ** (1 - index)) / (1 - index)
        signal = response @ flux
        c = alpha * total - (1 + alpha) * signal
        background = (c + np.sqrt(c * c + 4 * both * n_off * signal)) / (2 * both)
        mu_on, mu_off = signal + alpha * background, background
        logs = n_on * np.log(mu_on) + n_off * np.log(np.where(n_off > 0, mu_off, 1))
        return 2 * (np.sum(mu_on + mu_off - logs) + constant)

    return work


serve({"joint statistic, public API": stat, "joint statistic, Likelihood": stat})
