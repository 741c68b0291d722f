"""Templates, grids of parameters, norms at energies, and absorption."""

import sys

import astropy.units as u
import numpy as np
import pytest
from astropy.io import fits
from numpy.testing import assert_allclose

from gammafold.maps.axis import MapAxis
from gammafold.maps.region_map import RegionNDMap
from gammafold.modeling import Parameter
from gammafold.modeling import models as m
from gammafold.modeling.models.xspec_table import read_xspec_table
from gammafold.utils.errors import FileFormatError, InputError, MissingPackageError, UnitsError, UnknownNameError

DNDE = u.Unit("cm-2 s-1 TeV-1")


def xspec_file(path, param, rows, energy=(1, 10, 100, 1000), unit="keV", additive=False, method=0, **changes):
    """Write a table model as the memo of the format describes it."""
    energy = np.asarray(energy, dtype=float)
    names = changes.get("names", ["redshift"])
    count = len(names)
    padded = np.append(np.sort(param), 0.0)  # Behind the grid stands what is not part of it.
    parameters = fits.BinTableHDU.from_columns(
        [
            fits.Column("NAME", "12A", array=names),
            fits.Column("METHOD", "J", array=[method] * count),
            fits.Column("NUMBVALS", "J", array=[len(param)] * count),
            fits.Column("VALUE", f"{len(padded)}D", array=[padded] * count),
        ],
        name="PARAMETERS",
    )
    energies = fits.BinTableHDU.from_columns(
        [
            fits.Column("ENERG_LO", "D", unit=unit, array=energy[:-1]),
            fits.Column("ENERG_HI", "D", unit=unit, array=energy[1:]),
        ],
        name="ENERGIES",
    )
    spectra = fits.BinTableHDU.from_columns(
        [
            fits.Column("PARAMVAL", "D", array=param),
            fits.Column(changes.get("column", "INTPSPEC"), f"{len(rows[0])}D", array=rows),
        ],
        name=changes.get("extension", "SPECTRA"),
    )
    primary = fits.PrimaryHDU()
    primary.header["ADDMODEL"] = additive
    fits.HDUList([primary, parameters, energies, spectra]).writeto(path)
    return path


# -- XSPEC table models


def test_multiplicative_table(tmp_path):
    # Spectra in any order find their place.
    path = xspec_file(tmp_path / "m.fits", [0.2, 0.1], [[0.9, 0.5, 0.1], [0.99, 0.8, 0.4]])
    table = read_xspec_table(path)
    assert table.names == ("redshift",)
    assert_allclose(table.grid[0], [0.1, 0.2])
    assert_allclose(table.energy.to_value("keV"), np.sqrt([10, 1e3, 1e5]))
    assert_allclose(table.values.value, [[0.99, 0.8, 0.4], [0.9, 0.5, 0.1]])
    assert_allclose(table.at(0.15).value, [0.945, 0.65, 0.25])
    with pytest.raises(InputError, match=r"redshift is 0.3: the table has 0.1 to 0.2"):
        table.at(0.3)
    model = m.TemplateSpectralModel.read_xspec_model(path, 0.1)
    assert model.is_norm_spectral_model
    assert_allclose(model(table.energy).value, [0.99, 0.8, 0.4])


def test_additive_table_holds_fluxes_per_bin(tmp_path):
    path = xspec_file(tmp_path / "a.fits", [1.0, 100.0], [[9, 90, 900], [18, 180, 1800]], additive=True, method=1)
    model = m.TemplateSpectralModel.read_xspec_model(path, 10.0)
    # Midway in the logarithm of the parameter.
    assert_allclose(model(model.energy).to_value("cm-2 s-1 keV-1"), 1.5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"unit": "s"}, r"t.fits: column 'ENERG_LO' is in 's': expected a unit of energy"),
        ({"extension": "OTHER"}, r"t.fits: no extension 'SPECTRA'"),
        ({"column": "FLUX"}, r"t.fits: no column 'INTPSPEC' in the extension 'SPECTRA'"),
        ({"energy": (1, 10, 100)}, r"t.fits: SPECTRA holds 3 bins of energy and ENERGIES 2"),
    ],
)
def test_broken_tables(tmp_path, changes, message):
    path = xspec_file(tmp_path / "t.fits", [0.1, 0.2], [[0.9, 0.5, 0.1]] * 2, **changes)
    with pytest.raises(FileFormatError, match=message):
        read_xspec_table(path)


def test_table_with_a_hole(tmp_path):
    path = xspec_file(tmp_path / "t.fits", [0.1, 0.2], [[0.9, 0.5, np.nan], [0.9, 0.5, 0.1]])
    with pytest.raises(FileFormatError, match=r"no finite spectrum at some values of \['redshift'\]"):
        read_xspec_table(path)


def test_table_of_two_parameters(tmp_path):
    path = xspec_file(tmp_path / "t.fits", [0.1], [[0.9, 0.5, 0.1]], names=["redshift", "other"])
    with pytest.raises(FileFormatError, match=r"t.fits: SPECTRA is for 1 parameters, PARAMETERS lists \['redshift', "):
        m.EBLAbsorptionNormSpectralModel.read(path)
    additive = xspec_file(tmp_path / "u.fits", [0.1, 0.2], [[0.9, 0.5, 0.1]] * 2, additive=True)
    with pytest.raises(FileFormatError, match=r"expected factors and one parameter, the redshift"):
        m.EBLAbsorptionNormSpectralModel.read(additive)


# -- absorption


def test_absorption_from_a_file(tmp_path):
    depth = np.array([[0.1, 0.4, 1.6], [0.2, 0.8, 3.2]])
    path = xspec_file(tmp_path / "e.fits", [0.1, 0.2], np.exp(-depth), energy=[1e9, 1e10, 1e11, 1e12])
    model = m.EBLAbsorptionNormSpectralModel.read(path, redshift=0.1, alpha_norm=2)
    energy = np.sqrt([1e19, 1e21, 1e23]) * u.keV
    assert_allclose(-np.log(model(energy).value), 2 * depth[0], rtol=1e-9)
    # A power law of energy and of redshift in between, continued in energy, proportional to the redshift below.
    assert_allclose(model.optical_depth(10 * u.TeV), 0.1 * 4 ** np.log10(10 / energy[0].to_value("TeV")), rtol=1e-9)
    assert_allclose(model.optical_depth(1e3 * u.TeV), 0.1 * 4 ** np.log10(1e3 / energy[0].to_value("TeV")), rtol=1e-9)
    model.redshift.value = 0.1 * 2**0.5
    assert_allclose(model.optical_depth(energy), depth[0] * 2**0.5, rtol=1e-9)
    model.redshift.value = 0.02
    assert_allclose(model.optical_depth(energy), depth[0] / 5, rtol=1e-9)


@pytest.mark.parametrize(
    ("reference", "depths"),
    [
        ("dominguez", [0.020, 0.219, 1.060, 3.708]),
        ("franceschini", [0.014, 0.212, 1.006, 4.105]),
        ("finke", [0.022, 0.260, 1.102, 3.791]),
        ("saldana-lopez21", [0.021, 0.223, 0.971, 4.212]),
    ],
)
def test_published_absorption(reference, depths):
    """Optical depths at a redshift of 0.1, as another package has them, at 0.1, 0.3, 1 and 10 TeV."""
    pytest.importorskip("ebltable")
    model = m.EBLAbsorptionNormSpectralModel.read_builtin(reference, redshift=0.1)
    # They are given to three digits, and were interpolated linearly between energies as far apart as 20 %.
    assert_allclose(model.optical_depth([0.1, 0.3, 1, 10] * u.TeV), depths, rtol=0.015, atol=6e-4)


def test_the_built_in_tables_themselves():
    tables = pytest.importorskip("ebltable.tau_from_model")
    for reference, name in [("franceschini17", "franceschini2017"), ("inoue", "inoue"), ("dominguez", "dominguez")]:
        model = m.EBLAbsorptionNormSpectralModel.read_builtin(reference)
        table = tables.OptDepth.readmodel(name)
        for redshift in table.y[[2, -2]]:
            model.redshift.value = redshift
            energy = 10 ** table.x[len(table.x) // 3 : -1]
            expected = table.opt_depth(redshift, energy / 1e3).ravel()
            found = model.optical_depth(energy * u.GeV)
            # Transmissions hold depths of 1e-9 to 700.
            held = (expected > 1e-6) & (expected < 600)
            assert held.any()
            assert_allclose(found[held], expected[held], rtol=1e-7)


def test_absorption_of_no_redshift_is_none():
    pytest.importorskip("ebltable")
    model = m.EBLAbsorptionNormSpectralModel.read_builtin("finke", redshift=0)
    assert_allclose(model([0.1, 1, 100] * u.TeV).value, 1.0)


def test_absorption_without_its_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "ebltable", None)
    with pytest.raises(MissingPackageError, match=r"ebltable is not installed: pip install 'gammafold\[ebl\]'"):
        m.EBLAbsorptionNormSpectralModel.read_builtin("dominguez")


def test_unknown_table():
    pytest.importorskip("ebltable")
    with pytest.raises(UnknownNameError, match=r"no table of absorption 'domingez': there are \['franceschini', 'dom"):
        m.EBLAbsorptionNormSpectralModel.read_builtin("domingez")


def small_absorption(**kwargs):
    return m.EBLAbsorptionNormSpectralModel([1, 10] * u.TeV, [0.1, 0.2], np.exp([[-1, -4], [-2, -8]]), **kwargs)


def test_redshift_outside_the_table():
    with pytest.raises(InputError, match=r"redshift is 0.5: the table of the absorption has 0 to 0.2"):
        small_absorption(redshift=0.5)
    model = small_absorption()
    assert (model.redshift.min, model.redshift.max) == (0.0, 0.2)
    model.redshift.value = -0.1
    with pytest.raises(InputError, match=r"redshift is -0.1: the table of the absorption has 0 to 0.2"):
        model(1 * u.TeV)
    # The engine checks nothing: there it is no flux, and never a made-up one.
    flux = small_absorption().compile()
    assert np.isnan(flux.evaluate(np.array([2.0]), 0.3, 1.0)).all()
    assert np.isfinite(flux.evaluate(np.array([2.0]), 0.2001, 1.0)).all()


def test_a_shared_redshift_keeps_its_limits():
    redshift = Parameter("redshift", 0.15, min=0.1)
    model = small_absorption(redshift=redshift)
    assert model.redshift is redshift
    assert redshift.min == 0.1
    assert np.isnan(redshift.max)


@pytest.mark.parametrize(
    ("energy", "param", "data", "message"),
    [
        ([1, 10] * u.TeV, [0.1, 0.2], np.ones((2, 3)), r"absorption has the shape \(2, 3\): expected \(2, 2\)"),
        ([10, 1] * u.TeV, [0.1, 0.2], np.ones((2, 2)), "energies of the absorption do not increase"),
        ([1, 10] * u.TeV, [0.2, 0.1], np.ones((2, 2)), "redshifts of the absorption do not increase"),
        ([1, 10] * u.TeV, [0.1, 0.2], 2 * np.ones((2, 2)), "transmissions that are not from 0 to 1"),
        ([0, 10] * u.TeV, [0.1, 0.2], np.ones((2, 2)), "first energy of the absorption is 0.0 TeV"),
    ],
)
def test_absorption_tables_are_checked(energy, param, data, message):
    with pytest.raises(InputError, match=message):
        m.EBLAbsorptionNormSpectralModel(energy, param, data)


def test_absorption_in_wrong_units():
    with pytest.raises(UnitsError, match=r"energy of the absorption has the unit 's'"):
        m.EBLAbsorptionNormSpectralModel([1, 10] * u.s, [0.1, 0.2], np.ones((2, 2)))


# -- templates


def test_template_beyond_its_ends():
    energy, values = [1, 10] * u.TeV, [1e-12, 1e-14] * DNDE
    assert_allclose(m.TemplateSpectralModel(energy, values)([0.1, 100] * u.TeV).value, [1e-10, 1e-16])
    cut = m.TemplateSpectralModel(energy, values, interp_kwargs={"extrapolate": False})
    assert_allclose(cut([0.1, 1, 10, 100] * u.TeV).value, [0, 1e-12, 1e-14, 0])


def test_template_of_a_map():
    axis = MapAxis.from_nodes([1, 10] * u.TeV, interp="log", name="energy_true")
    fluxes = RegionNDMap.create(region=None, axes=[axis], unit="cm-2 s-1 TeV-1")
    fluxes.data = np.array([1e-12, 1e-14]).reshape(2, 1, 1)
    assert_allclose(m.TemplateSpectralModel.from_region_map(fluxes)(2 * u.TeV).value, 2.5e-13)
    other = RegionNDMap.create(region=None, axes=[MapAxis.from_edges([1, 2], name="phase")])
    with pytest.raises(InputError, match=r"map has the axes \['phase'\]: expected one of energy"):
        m.TemplateSpectralModel.from_region_map(other)


@pytest.mark.parametrize(
    ("energy", "values", "error", "message"),
    [
        ([1] * u.TeV, [1] * DNDE, InputError, "1 energies and 1 values"),
        ([2, 1] * u.TeV, [1, 1] * DNDE, InputError, "expected positive, increasing ones"),
        ([1, 2] * u.TeV, [1, -1] * DNDE, InputError, r"holds the value -1.0"),
        ([1, 2] * u.TeV, [1, np.nan] * DNDE, InputError, "holds the value nan"),
        ([1, 2] * u.TeV, [1, 1] * u.s, UnitsError, "template is in 's': expected a flux like"),
        ([1, 2] * u.s, [1, 1] * DNDE, UnitsError, "energy of the template has the unit 's'"),
    ],
)
def test_templates_are_checked(energy, values, error, message):
    with pytest.raises(error, match=message):
        m.TemplateSpectralModel(energy, values)


def test_template_file_in_wrong_units(tmp_path):
    from astropy.table import QTable, Table

    path = tmp_path / "template.ecsv"
    QTable({"energy": [1, 2] * u.TeV, "dnde": [1, 2] * u.m}).write(path)
    with pytest.raises(UnitsError, match=r"template is in 'm': expected a flux"):
        m.TemplateSpectralModel.read(path)
    with pytest.raises(InputError, match=r"no column 'flux': there are \['energy', 'dnde'\]"):
        m.TemplateSpectralModel.read(path, values="flux")
    with pytest.raises(FileFormatError, match="cannot read a table from"):
        m.TemplateSpectralModel.read(tmp_path / "absent.fits")
    assert len(Table.read(path)) == 2


# -- a grid of parameters


def grid(interp="log", unit="cm-2 s-1 TeV-1"):
    energy = MapAxis.from_nodes([1, 10, 100] * u.TeV, interp="log", name="energy_true")
    index = MapAxis.from_nodes([1, 2, 4], name="index", interp="lin")
    norm = MapAxis.from_nodes([1, 10] * u.GeV, name="norm", interp=interp)
    fluxes = RegionNDMap.create(region=None, axes=[energy, index, norm], unit=unit)
    e, g, n = np.meshgrid(energy.center.value, index.center.value, norm.center.value, indexing="ij")
    fluxes.data = (n * e**-g).T[..., None, None]
    return fluxes


def test_grid_at_its_points_and_between():
    model = m.TemplateNDSpectralModel(grid())
    assert [(p.name, p.value, p.min, p.max) for p in model.parameters] == [("index", 2.5, 1, 4), ("norm", 5.5, 1, 10)]
    for index in (1, 2, 4):
        for norm in (1, 10):
            model.index.value, model.norm.value = index, norm
            assert_allclose(model([1, 10, 100] * u.TeV).value, norm * np.array([1, 10, 100.0]) ** -index, rtol=1e-12)
    # The logarithm of this flux is linear in each scaled coordinate: it is exact in between, too.
    model.index.value, model.norm.quantity = 1.7, 3000 * u.MeV
    energy = np.array([0.5, 2, 30, 300])
    assert_allclose(model(energy * u.TeV).value, 3 * energy**-1.7, rtol=1e-12)
    linear = m.TemplateNDSpectralModel(grid("lin"), interp_kwargs={"values_scale": "lin"}, index=1, norm="4 GeV")
    assert_allclose(linear([1, 10] * u.TeV).value, [4, 0.4], rtol=1e-12)
    assert_allclose(linear(np.sqrt(10) * u.TeV).value, 4 * 0.55, rtol=1e-12)


def test_grid_follows_a_change_of_its_map():
    model = m.TemplateNDSpectralModel(grid(), index=1, norm="1 GeV")
    model.map.data *= 2
    assert_allclose(model(10 * u.TeV).value, 0.2)


def test_grid_without_unit_is_a_factor():
    model = m.TemplateNDSpectralModel(grid(unit=""), index=1, norm="1 GeV")
    assert model.is_norm_spectral_model
    assert_allclose((model * m.PowerLawSpectralModel())(10 * u.TeV).value, 1e-15)


def test_grid_is_checked():
    model = m.TemplateNDSpectralModel(grid())
    model.index.value = 5
    with pytest.raises(InputError, match=r"parameter 'index' of the template is 5.0: the grid has 1 to 4"):
        model(1 * u.TeV)
    with pytest.raises(TypeError, match=r"TemplateNDSpectralModel has no parameter \['slope'\]"):
        m.TemplateNDSpectralModel(grid(), slope=1)
    negative = grid()
    negative.data[0] = -1
    with pytest.raises(InputError, match="values that are negative or not finite"):
        m.TemplateNDSpectralModel(negative)
    with pytest.raises(UnitsError, match=r"map of the template is in 's'"):
        m.TemplateNDSpectralModel(grid(unit="s"))
    flat = RegionNDMap.create(region=None, axes=[MapAxis.from_nodes([1, 2], name="index")])
    with pytest.raises(InputError, match=r"map has the axes \['index'\]: expected one of energy"):
        m.TemplateNDSpectralModel(flat)
    assert np.isnan(m.TemplateNDSpectralModel(grid()).compile().evaluate(np.array([1.0]), 5.0, 2.0)).all()
    with pytest.raises(InputError, match="has no file name: pass one"):
        m.TemplateNDSpectralModel(grid()).write()


# -- norms at energies


def test_piecewise_between_and_beyond():
    model = m.PiecewiseNormSpectralModel([1, 3, 10] * u.TeV, norms=[1, 4, 2])
    middle = 4 ** (np.log(2) / np.log(3))
    assert_allclose(model([0.1, 1, 2, 3, 10, 30] * u.TeV).value, [1, 1, middle, 4, 2, 2], rtol=1e-12)
    linear = m.PiecewiseNormSpectralModel([1, 3, 10] * u.TeV, norms=[1, 4, 2], interp="lin")
    assert_allclose(linear([0.1, 2, 6.5, 30] * u.TeV).value, [1, 2.5, 3, 2], rtol=1e-12)
    assert_allclose(linear.norms.value, [1, 4, 2])


def test_piecewise_is_checked():
    with pytest.raises(InputError, match="there are 1 norms for 2 energies"):
        m.PiecewiseNormSpectralModel([1, 3] * u.TeV, norms=[1])
    with pytest.raises(InputError, match="expected two or more, positive and increasing"):
        m.PiecewiseNormSpectralModel([3, 1] * u.TeV)
    with pytest.raises(InputError, match="interp is 'cubic': expected 'log' or 'lin'"):
        m.PiecewiseNormSpectralModel([1, 3] * u.TeV, interp="cubic")
    with pytest.raises(InputError, match=r"norms are \[1.0, -1.0\]: expected all above zero"):
        m.PiecewiseNormSpectralModel([1, 3] * u.TeV, norms=[1, -1])
    model = m.PiecewiseNormSpectralModel([1, 3] * u.TeV)
    model.norm_1.value = -1
    assert np.isnan(model(2 * u.TeV))
