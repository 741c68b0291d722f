"""Published spectra: the Crab nebula and cosmic rays."""

import astropy.units as u
import numpy as np
import pytest
from numpy.testing import assert_allclose

from gammafold.modeling import models as m
from gammafold.utils.errors import UnknownNameError


@pytest.mark.parametrize(
    ("reference", "flux", "integral"),
    [
        # Flux at 2 TeV in cm-2 s-1 TeV-1 and above 1 TeV in cm-2 s-1, as gammapy 2.1 has them.
        ("meyer", 5.5724e-12, 2.0744e-11),
        ("hegra", 4.6035e-12, 1.7469e-11),
        ("hess_pl", 5.5733e-12, 2.1165e-11),
        ("hess_ecpl", 6.2371e-12, 2.2680e-11),
        ("magic_lp", 5.5451e-12, 2.0282e-11),
        ("magic_ecpl", 5.8849e-12, 2.0708e-11),
    ],
)
def test_crab(reference, flux, integral):
    model = m.create_crab_spectral_model(reference)
    assert_allclose(model(2 * u.TeV).to_value("cm-2 s-1 TeV-1"), flux, rtol=1e-4)
    assert_allclose(model.integral(1 * u.TeV, 1e6 * u.TeV).to_value("cm-2 s-1"), integral, rtol=1e-4)


def test_unknown_crab():
    with pytest.raises(UnknownNameError, match=r"no spectrum of the Crab nebula 'hess': there are \['meyer', 'hegra'"):
        m.create_crab_spectral_model("hess")


def test_hadrons():
    """All-particle flux at 1 TeV is a quarter of a particle per m2, s, sr and TeV (Hoerandel 2003: 0.25)."""
    nuclei = [m.create_cosmic_ray_spectral_model(particle) for particle in ("proton", "He", "N", "Si", "Fe")]
    total = sum(model(1 * u.TeV) / (4 * np.pi * u.sr) for model in nuclei)
    assert_allclose(total.to_value("m-2 s-1 sr-1 TeV-1"), 0.25, rtol=0.05)
    assert [model.index.value for model in nuclei] == [2.70, 2.64, 2.67, 2.66, 2.63]


def test_electrons():
    model = m.create_cosmic_ray_spectral_model("electron")
    per_angle = (model([0.1, 1, 10] * u.TeV) / (4 * np.pi * u.sr)).to_value("m-2 s-1 sr-1 TeV-1")
    # The shoulder is centred at 0.107 TeV, and gone at 10 TeV.
    shoulder = 3.19e-3 / (0.1 * 0.776 * np.sqrt(2 * np.pi)) * np.exp(-0.5 * (np.log(0.1 / 0.107) / 0.776) ** 2)
    assert_allclose(per_angle[0], 6.85e-5 * 0.1**-3.21 + shoulder, rtol=1e-12)
    assert_allclose(per_angle[2], 6.85e-5 * 10**-3.21, rtol=1e-2)
    line = model.model2
    whole = line.integral(1e-6 * u.TeV, 1e6 * u.TeV)
    assert_allclose(whole.to_value("m-2 s-1"), 4 * np.pi * 3.19e-3, rtol=1e-12)


def test_unknown_particle():
    with pytest.raises(UnknownNameError, match=r"no spectrum of the particle 'muon': there are \['proton'"):
        m.create_cosmic_ray_spectral_model("muon")
