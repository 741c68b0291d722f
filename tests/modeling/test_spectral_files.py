"""Spectral models written and read back whole, of every kind and of users' own."""

import sys
import types

import astropy.units as u
import numpy as np
import pytest
import yaml
from numpy.testing import assert_allclose

from gammafold.modeling import Parameter
from gammafold.modeling import models as m
from gammafold.utils.errors import FileFormatError, InputError

ENERGY = np.geomspace(0.05, 50, 12) * u.TeV

# The field's names, by which its files call the models.
TAGS = {
    "ConstantSpectralModel": "const",
    "CompoundSpectralModel": "compound",
    "PowerLawSpectralModel": "pl",
    "PowerLaw2SpectralModel": "pl-2",
    "BrokenPowerLawSpectralModel": "bpl",
    "SmoothBrokenPowerLawSpectralModel": "sbpl",
    "PiecewiseNormSpectralModel": "piecewise-norm",
    "ExpCutoffPowerLawSpectralModel": "ecpl",
    "ExpCutoffPowerLaw3FGLSpectralModel": "ecpl-3fgl",
    "SuperExpCutoffPowerLaw3FGLSpectralModel": "secpl-3fgl",
    "SuperExpCutoffPowerLaw4FGLDR3SpectralModel": "secpl-4fgl-dr3",
    "SuperExpCutoffPowerLaw4FGLSpectralModel": "secpl-4fgl",
    "LogParabolaSpectralModel": "lp",
    "LogParabola2SpectralModel": "lp2",
    "TemplateSpectralModel": "template",
    "TemplateNDSpectralModel": "templateND",
    "GaussianSpectralModel": "gauss",
    "EBLAbsorptionNormSpectralModel": "ebl-norm",
    "NaimaSpectralModel": "naima",
    "ScaleSpectralModel": "scale",
    "PowerLawNormSpectralModel": "pl-norm",
    "LogParabolaNormSpectralModel": "lp-norm",
    "ExpCutoffPowerLawNormSpectralModel": "ecpl-norm",
}


@pytest.fixture
def module(monkeypatch):
    """A module of a user's, importable for the time of a test."""
    made = types.ModuleType("users_models")

    def flux(energy, level, index):
        return level * (energy / u.TeV) ** -index

    class Shifted(m.SpectralModel):
        tag = "Shifted"
        level = Parameter("level", "1e-12 cm-2 s-1 TeV-1")
        shift = Parameter("shift", "1 TeV")

        @staticmethod
        def evaluate(energy, level, shift):
            return level * shift / (energy + shift)

    class ShiftedNorm(Shifted):
        tag = "ShiftedNorm"
        is_norm_spectral_model = True
        level = Parameter("level", 1.0)

    for item in (flux, Shifted, ShiftedNorm):
        item.__module__, item.__qualname__ = "users_models", item.__name__
        setattr(made, item.__name__, item)
    monkeypatch.setitem(sys.modules, "users_models", made)
    return made


def written_and_read(model, tmp_path):
    flux = m.PowerLawSpectralModel() * model if model.is_norm_spectral_model else model
    m.Models([m.SkyModel(flux, name="a")]).write(tmp_path / "models.yaml", overwrite=True)
    read = m.Models.read(tmp_path / "models.yaml")["a"].spectral_model
    return read.model2 if model.is_norm_spectral_model else read


@pytest.mark.parametrize(("name", "tag"), TAGS.items())
def test_tags(name, tag):
    cls = getattr(m, name)
    assert list(cls.tag) == [name, tag]
    assert m.SPECTRAL_MODEL_REGISTRY.get_cls(tag) is cls
    assert m.SPECTRAL_MODEL_REGISTRY.get_cls(name) is cls


def test_every_model_is_written_and_read_back(spectral_model, tmp_path):
    if isinstance(spectral_model, m.FunctionSpectralModel):
        pytest.skip("of a function in a test: below")
    for place, parameter in enumerate(spectral_model.parameters):
        parameter.error = 0.01 * (place + 1) * abs(parameter.value)
        parameter.frozen = place % 2 == 0
    read = written_and_read(spectral_model, tmp_path)
    assert type(read) is type(spectral_model)
    assert read.parameters.names == spectral_model.parameters.names
    for one, other in zip(read.parameters, spectral_model.parameters, strict=True):
        assert one.quantity == other.quantity
        assert (one.error, one.frozen, one.interp) == (other.error, other.frozen, other.interp)
        np.testing.assert_equal([one.min, one.max], [other.min, other.max])
    assert_allclose(read(ENERGY).value, spectral_model(ENERGY).to_value(read(ENERGY).unit), rtol=1e-14)
    np.testing.assert_equal(read.to_dict(), spectral_model.to_dict())


def test_dicts_are_plain(spectral_model):
    if isinstance(spectral_model, m.FunctionSpectralModel):
        pytest.skip("of a function in a test: below")
    for full in (False, True):
        content = spectral_model.to_dict(full_output=full)
        np.testing.assert_equal(yaml.safe_load(yaml.safe_dump(content)), content)
        again = type(spectral_model).from_dict(content)
        assert_allclose(again(ENERGY).value, spectral_model(ENERGY).to_value(again(ENERGY).unit), rtol=1e-14)


def test_grid_in_its_own_file(tmp_path):
    from gammafold.maps.axis import MapAxis
    from gammafold.maps.region_map import RegionNDMap

    axes = [
        MapAxis.from_nodes([1, 10] * u.TeV, interp="log", name="energy_true"),
        MapAxis.from_nodes([1, 2], name="index"),
    ]
    fluxes = RegionNDMap.create(region=None, axes=axes, unit="cm-2 s-1 TeV-1")
    fluxes.data = np.array([[1, 0.1], [1, 0.01]]).reshape(2, 2, 1, 1)
    model = m.TemplateNDSpectralModel(fluxes, filename=tmp_path / "grid.fits", index=1.2)
    read = written_and_read(model, tmp_path)
    assert (tmp_path / "grid.fits").exists()
    assert read.index.value == 1.2
    assert_allclose(read(ENERGY).value, model(ENERGY).value, rtol=1e-12)
    content = model.to_dict()
    content["spectral"]["parameters"][0]["name"] = "slope"
    with pytest.raises(FileFormatError, match=r"TemplateNDSpectralModel has no parameter \['slope'\]"):
        m.TemplateNDSpectralModel.from_dict(content)
    with pytest.raises(FileFormatError, match="neither a filename, nor axes and values"):
        m.TemplateNDSpectralModel.from_dict({"spectral": {"parameters": []}})


def test_built_in_absorption_is_named_and_not_written_out(tmp_path):
    pytest.importorskip("ebltable")
    model = m.EBLAbsorptionNormSpectralModel.read_builtin("finke", redshift=0.3, alpha_norm=1.2)
    content = model.to_dict()["spectral"]
    assert content["reference"] == "finke"
    assert "values" not in content
    assert_allclose(written_and_read(model, tmp_path)(ENERGY).value, model(ENERGY).value, rtol=1e-14)
    # A file of the field names the file of its own collection instead.
    del content["reference"]
    assert content["filename"] == "$GAMMAPY_DATA/ebl/frd_abs.fits.gz"
    assert_allclose(
        m.EBLAbsorptionNormSpectralModel.from_dict({"spectral": content})(ENERGY).value, model(ENERGY).value
    )
    other = m.EBLAbsorptionNormSpectralModel.read_builtin("inoue")
    assert_allclose(written_and_read(other, tmp_path)(ENERGY).value, other(ENERGY).value, rtol=1e-14)


def test_a_function_by_its_import_path(module, tmp_path):
    parameters = {"level": "2e-12 cm-2 s-1 TeV-1", "index": Parameter("index", 2.5, min=0, error=0.1)}
    model = m.FunctionSpectralModel(module.flux, parameters)
    assert model.to_dict()["spectral"]["function"] == "users_models:flux"
    read = written_and_read(model, tmp_path)
    assert read.function is module.flux
    assert (read.index.min, read.index.error) == (0, 0.1)
    assert_allclose(read(ENERGY).value, 2e-12 * ENERGY.value**-2.5)
    by_path = m.FunctionSpectralModel("users_models:flux", parameters)
    assert_allclose(by_path(ENERGY).value, 2e-12 * ENERGY.value**-2.5)


def test_functions_that_files_cannot_name(module):
    model = m.FunctionSpectralModel(lambda energy: energy, {})
    with pytest.raises(InputError, match=r"<lambda>' cannot be written: define it by a name at the top"):
        model.to_dict()
    with pytest.raises(InputError, match="the function 'users_models:absent' cannot be imported"):
        m.FunctionSpectralModel("users_models:absent")
    with pytest.raises(TypeError, match="function is 3: expected a callable or its import path"):
        m.FunctionSpectralModel(3)
    with pytest.raises(FileFormatError, match="no entry 'function'"):
        m.FunctionSpectralModel.from_dict({"spectral": {"parameters": []}})


def test_a_class_of_a_user_inside_other_models(module, tmp_path):
    model = (m.PowerLawSpectralModel() + module.Shifted(shift="3 TeV")) * module.ShiftedNorm(level=0.5)
    read = written_and_read(model, tmp_path)
    assert type(read.model1.model2) is module.Shifted
    assert_allclose(read(ENERGY).value, model(ENERGY).value, rtol=1e-14)
    scaled = written_and_read(m.ScaleSpectralModel(module.Shifted(shift="3 TeV"), norm=2), tmp_path)
    assert_allclose(scaled(ENERGY).value, 2 * module.Shifted(shift="3 TeV")(ENERGY).value)


def test_links_inside_a_compound_survive(tmp_path):
    first, second = m.PowerLawSpectralModel(), m.PowerLawSpectralModel(amplitude="3e-12 cm-2 s-1 TeV-1")
    second.index = first.index
    read = written_and_read(first + second, tmp_path)
    assert read.model1.index is read.model2.index
    assert read.model1.amplitude is not read.model2.amplitude


def test_operators_of_compounds(tmp_path):
    law, norm = m.PowerLawSpectralModel(), m.PowerLawNormSpectralModel(tilt=0.3)
    for model in (law * norm, law / norm, law + law.copy(), law - m.ConstantSpectralModel("1e-15 cm-2 s-1 TeV-1")):
        content = model.to_dict()
        assert_allclose(m.CompoundSpectralModel.from_dict(content)(ENERGY).value, model(ENERGY).value)
    with pytest.raises(InputError, match="operator 'hypot' cannot be written"):
        m.CompoundSpectralModel(law, law, np.hypot).to_dict()
    with pytest.raises(FileFormatError, match="the part 'model2' is not there"):
        m.CompoundSpectralModel.from_dict({"spectral": {"type": "compound", "model1": law.to_dict()["spectral"]}})
    with pytest.raises(InputError, match="operator is 'hypot': expected one of"):
        m.CompoundSpectralModel(law, law, "hypot")


def test_constant_factor(tmp_path):
    model = m.ConstantSpectralModel(2.5)
    assert model.is_norm_spectral_model
    read = written_and_read(model, tmp_path)
    assert read.const.quantity == 2.5
    assert_allclose((m.PowerLawSpectralModel() * read).integral(1 * u.TeV, 10 * u.TeV).value, 2.25e-12)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c.pop("energy"), "the entry 'energy' is no quantity"),
        (lambda c: c["values"].pop("data"), "the entry 'values' is no quantity"),
        (lambda c: c["energy"].update(unit="Tev"), "the entry 'energy' is no quantity"),
    ],
)
def test_broken_templates(change, message):
    content = m.TemplateSpectralModel([1, 2] * u.TeV, [1, 2] * u.Unit("cm-2 s-1 TeV-1")).to_dict()
    change(content["spectral"])
    with pytest.raises(FileFormatError, match=message):
        m.TemplateSpectralModel.from_dict(content)
