"""Radiative models of naima, against naima itself."""

import sys

import astropy.units as u
import numpy as np
import pytest
from numpy.testing import assert_allclose

from gammafold.modeling import models as m
from gammafold.utils.errors import FileFormatError, InputTypeError, MissingPackageError, UnknownNameError

naima = pytest.importorskip("naima")
ENERGY = np.geomspace(0.1, 30, 5) * u.TeV


def particles():
    return naima.models.ExponentialCutoffPowerLaw(1e33 / u.eV, 10 * u.TeV, 2.4, 50 * u.TeV)


def processes():
    photons = [2.0, 20.0] * u.eV
    density = [3e-3, 1e-4] / u.eV / u.cm**3
    seeds = ["CMB", ["star", 5000 * u.K, 2 * u.eV / u.cm**3, 40 * u.deg], ["ssc", photons, density]]
    return {
        "synchrotron": naima.models.Synchrotron(particles(), B=20 * u.uG),
        "inverse-compton": naima.models.InverseCompton(particles(), seed_photon_fields=["CMB", "FIR"], Eemax=1 * u.PeV),
        "seeds": naima.models.InverseCompton(particles(), seed_photon_fields=seeds, nEed=20),
        "bremsstrahlung": naima.models.Bremsstrahlung(particles(), n0=3 / u.cm**3),
        "pion-decay": naima.models.PionDecay(particles(), nh=2 / u.cm**3, Epmax=1 * u.PeV),
        "kelner": naima.radiative.PionDecayKelner06(particles(), nh=2 / u.cm**3),
    }


def energies(name):
    return np.geomspace(1, 1e5, 5) * u.eV if name == "synchrotron" else ENERGY


@pytest.fixture(params=["synchrotron", "inverse-compton", "seeds", "bremsstrahlung", "pion-decay", "kelner"])
def process(request):
    return request.param, processes()[request.param]


def test_flux_is_that_of_naima(process):
    name, radiative = process
    model = m.NaimaSpectralModel(radiative, distance=2 * u.kpc)
    expected = radiative.flux(energies(name), distance=2 * u.kpc)
    assert_allclose(model(energies(name)).to_value("cm-2 s-1 TeV-1"), expected.to_value("cm-2 s-1 TeV-1"), rtol=1e-12)
    assert model(energies(name)[2]).shape == ()


def test_parameters_reach_naima_and_leave_the_model_given_alone(process):
    name, radiative = process
    model = m.NaimaSpectralModel(radiative)
    before = model(energies(name))
    model.amplitude.value *= 3
    assert_allclose(model(energies(name)).value, 3 * before.value, rtol=1e-12)
    model.alpha.value = 2.1
    other = particles()
    other.alpha, other.amplitude = 2.1, 3e33 / u.eV
    radiative.particle_distribution = other
    expected = radiative.flux(energies(name), distance=1 * u.kpc)
    assert_allclose(model(energies(name)).to_value(expected.unit), expected.value, rtol=1e-12)
    assert particles().alpha == 2.4


def test_files_bring_it_back(process, tmp_path):
    name, radiative = process
    spectral = m.NaimaSpectralModel(radiative, distance=2 * u.kpc)
    spectral.alpha.value, spectral.alpha.error, spectral.e_cutoff.min = 2.2, 0.1, 1.0
    models = m.Models([m.SkyModel(spectral, name="source")])
    models.write(tmp_path / "models.yaml")
    read = m.Models.read(tmp_path / "models.yaml")["source"].spectral_model
    assert isinstance(read, m.NaimaSpectralModel)
    assert read.parameters.names == spectral.parameters.names
    for one, other in zip(read.parameters, spectral.parameters, strict=True):
        assert one.quantity == other.quantity
        assert one.frozen == other.frozen
    assert read.alpha.error == 0.1
    assert read.e_cutoff.min == 1.0
    assert_allclose(read(energies(name)).value, spectral(energies(name)).value, rtol=1e-12)


def test_one_seed():
    radiative = processes()["inverse-compton"]
    model = m.NaimaSpectralModel(radiative, seed="FIR")
    assert_allclose(
        model(ENERGY).to_value("cm-2 s-1 eV-1"), radiative.flux(ENERGY, seed="FIR", distance=1 * u.kpc).value
    )
    again = m.NaimaSpectralModel.from_dict(model.to_dict())
    assert again.seed == "FIR"
    assert_allclose(again(ENERGY).value, model(ENERGY).value, rtol=1e-12)
    with pytest.raises(UnknownNameError, match="InverseCompton has no seed photon field 'NIR'"):
        m.NaimaSpectralModel(radiative, seed="NIR")


def test_what_scales_the_flux_only_is_frozen():
    free = {name: m.NaimaSpectralModel(model).parameters.free_parameters.names for name, model in processes().items()}
    own = ["amplitude", "alpha", "e_cutoff", "beta"]
    assert free["synchrotron"] == [*own, "B"]
    assert free["inverse-compton"] == free["bremsstrahlung"] == free["pion-decay"] == own


def test_batches_are_taken_row_by_row():
    flux = m.NaimaSpectralModel(processes()["inverse-compton"]).compile()
    row = [parameter.value for parameter in m.NaimaSpectralModel(processes()["inverse-compton"]).parameters]
    rows = np.array(row) * np.array([[1.0], [1.1]])
    energy = ENERGY.to_value("TeV")
    together = flux.evaluate(energy, *rows.T[..., None])
    assert_allclose(together, [flux.evaluate(energy, *one) for one in rows], rtol=1e-13)


def test_what_is_no_model_of_naima():
    with pytest.raises(InputTypeError, match=r"the radiative model is 3 with particles None: expected one of"):
        m.NaimaSpectralModel(3)
    table = naima.models.TableModel(np.geomspace(1, 100, 9) * u.TeV, np.ones(9) * 1e33 / u.eV)
    with pytest.raises(InputTypeError, match="with particles of naima that have parameters"):
        m.NaimaSpectralModel(naima.models.InverseCompton(table))


def test_entries_that_naima_does_not_know():
    content = m.NaimaSpectralModel(processes()["inverse-compton"]).to_dict()
    content["spectral"]["radiative_model"] = "Annihilation"
    with pytest.raises(FileFormatError, match="radiative_model is 'Annihilation', which naima does not have"):
        m.NaimaSpectralModel.from_dict(content)


def test_without_its_package(monkeypatch):
    content = m.NaimaSpectralModel(processes()["inverse-compton"]).to_dict()
    monkeypatch.setitem(sys.modules, "naima", None)
    with pytest.raises(MissingPackageError, match=r"naima is not installed: pip install 'gammafold\[naima\]'"):
        m.NaimaSpectralModel.from_dict(content)
