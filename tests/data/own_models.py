"""Models of a user, found by their import path when files are read."""

import numpy as np

from gammafold.modeling import Parameter
from gammafold.modeling.models import ResponseCorrection, SpectralModel


class OwnSpectrum(SpectralModel):
    """A power law that rolls over, written for quantities."""

    tag = ("OwnSpectrum", "own")
    level = Parameter("level", "2e-11 cm-2 s-1 TeV-1")
    slope = Parameter("slope", 2.2)
    turn = Parameter("turn", "8 TeV", frozen=True)

    @staticmethod
    def evaluate(energy, level, slope, turn):
        """Return the flux."""
        return level * (energy / turn).to_value("") ** -slope / (1 + (energy / turn).to_value("") ** 2)


class OwnCorrection(ResponseCorrection):
    """An exposure that is wrong by a power of energy."""

    tag = ("OwnCorrection", "own-correction")
    tilt = Parameter("tilt", 0.0)

    def correct(self, flux):
        """Return the flux times a power of energy in TeV."""
        return type(flux)(
            flux.n_parameters + 1,
            lambda energy, *values: flux.evaluate(energy, *values[:-1]) * np.exp(-values[-1] * np.log(energy)),
        )
