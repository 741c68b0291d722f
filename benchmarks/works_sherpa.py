"""The works, done with Sherpa; run with the python of its own environment."""

from __future__ import annotations

import itertools
import logging
import sys
import warnings
from pathlib import Path

from sherpa.astro import ui

from timing import serve

warnings.simplefilter("ignore")
logging.getLogger("sherpa").setLevel(logging.CRITICAL)

FILES = [Path(name) for name in sys.argv[1:]]


def read():
    ui.clean()
    for number, path in enumerate(FILES, start=1):
        ui.load_pha(number, str(path))
        ui.ignore_bad(number)
    ui.set_stat("wstat")


def with_power_law():
    read()
    model = ui.powlaw1d.crab
    model.ref = 1e9
    model.gamma = 2.5
    model.ampl = 4e-20
    model.ampl.min, model.ampl.max = 0, 1
    for number in range(1, len(FILES) + 1):
        ui.set_source(number, model)
    return model


def stat():
    model = with_power_law()
    values = itertools.cycle([2.5, 2.6, 2.7, 2.8])

    def work():
        model.gamma = next(values)
        return ui.calc_stat()

    return work


def fit():
    model = with_power_law()
    # Its default, levmar, is meant for chi-square statistics.
    ui.set_method("neldermead")

    def work():
        model.gamma, model.ampl = 2.5, 4e-20
        ui.fit()
        ui.covar()
        return ui.get_fit_results()

    return work


serve(
    {
        "read four OGIP observations": lambda: read,
        "joint statistic, public API": stat,
        "joint statistic, Likelihood": stat,
        "power-law fit with covariance": fit,
    },
    prepare_once=False,
)
