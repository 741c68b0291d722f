"""What a dataset does not accept: the message names dataset and part, the value, and what would do."""

import shutil

import astropy.units as u
import numpy as np
import pytest
from astropy.io import fits

from gammafold.datasets import MapDataset, SpectrumDataset, SpectrumDatasetOnOff
from gammafold.irf import EDispKernel, EDispKernelMap
from gammafold.maps import MapAxis, RegionGeom, RegionNDMap
from gammafold.modeling.models import PowerLawSpectralModel, SkyModel
from gammafold.samples import sample_files
from gammafold.utils.errors import FileFormatError, InputError, InputTypeError, UnitsError

ENERGY = MapAxis.from_energy_bounds("1 TeV", "10 TeV", nbin=3)
TRUE = MapAxis.from_energy_bounds("0.5 TeV", "20 TeV", nbin=5, name="energy_true")


def on(axis, data=None, unit="", dtype=float):
    geom = RegionGeom.create("icrs;circle(0, 0, 1)", axes=[axis])
    data = np.ones(geom.data_shape, dtype) if data is None else np.array(data, dtype).reshape(geom.data_shape)
    return RegionNDMap(geom, data=data, unit=unit)


def counts(**kwargs):
    return on(ENERGY, **kwargs)


def exposure(**kwargs):
    return on(TRUE, **{"unit": "cm2 s", **kwargs})


def other_axis(name="energy"):
    return MapAxis.from_energy_bounds("2 TeV", "30 TeV", nbin=3 if name == "energy" else 5, name=name)


def kernel(true=TRUE, energy=ENERGY, value=0.1):
    geom = RegionGeom.create(None, axes=[energy, true])
    return EDispKernelMap(RegionNDMap(geom, data=np.full(geom.data_shape, value)))


def per_cent_kernel():
    new = kernel(value=10.0)
    new.edisp_map.unit = "%"
    return new


def two_regions():
    """Return a map with one axis more."""
    geom = RegionGeom.create("icrs;circle(0, 0, 1)", axes=[ENERGY, MapAxis.from_edges([0, 1, 2], name="phase")])
    return RegionNDMap(geom, data=np.ones(geom.data_shape))


PARTS = {
    # Axes that do not match.
    "background on another axis": (
        {"counts": counts(), "background": on(other_axis())},
        InputError,
        "background of dataset 'd' has 3 bins of energy from 2 TeV to 30 TeV: expected 3 bins of energy from 1 TeV to "
        "10 TeV, as for counts",
    ),
    "counts on the true axis": (
        {"counts": exposure(unit="")},
        InputError,
        r"counts of dataset 'd' has the axes \['energy_true'\]: expected the axis 'energy'",
    ),
    "exposure on the reconstructed axis": (
        {"exposure": counts(unit="cm2 s")},
        InputError,
        r"exposure of dataset 'd' has the axes \['energy'\]: expected the axis 'energy_true'",
    ),
    "kernel with other reconstructed energies": (
        {"counts": counts(), "edisp": kernel(energy=other_axis())},
        InputError,
        "edisp of dataset 'd' has 3 bins of energy from 2 TeV to 30 TeV: expected .*, as for counts",
    ),
    "kernel with other true energies": (
        {"exposure": exposure(), "edisp": kernel(true=other_axis("energy_true"))},
        InputError,
        "edisp of dataset 'd' has 5 bins of energy_true from 2 TeV to 30 TeV: expected .*, as for exposure",
    ),
    # Masks.
    "mask of another shape": (
        {"counts": counts(), "mask_fit": np.ones(4, bool)},
        InputError,
        r"mask_fit of dataset 'd' has the shape \(4,\): expected \(3, 1, 1\)",
    ),
    "mask on another axis": (
        {"counts": counts(), "mask_safe": on(other_axis(), dtype=bool)},
        InputError,
        "mask_safe of dataset 'd' has 3 bins of energy from 2 TeV",
    ),
    "mask of numbers": (
        {"counts": counts(), "mask_safe": counts()},
        InputError,
        r"mask_safe of dataset 'd' holds float64 values: expected booleans \(True keeps a bin\)",
    ),
    "mask without geometry": (
        {"mask_safe": np.ones(3, bool)},
        InputError,
        "mask_safe of dataset 'd' is no map: without counts it has no axis; pass a RegionNDMap",
    ),
    # Units.
    "exposure without time": (
        {"exposure": exposure(unit="cm2")},
        UnitsError,
        "exposure of dataset 'd' has the unit 'cm2': expected an area times a time, like 'cm2 s'",
    ),
    "background in per cent": (
        {"background": counts(unit="%")},
        UnitsError,
        "background of dataset 'd' has the unit '%': expected counts, without unit",
    ),
    "probabilities in per cent": (
        {"edisp": per_cent_kernel()},
        UnitsError,
        "edisp of dataset 'd' has the unit '%': expected probabilities, without unit",
    ),
    "counts in seconds": (
        {"counts": counts(unit="s")},
        UnitsError,
        "counts of dataset 'd' has the unit 's': expected counts, without unit",
    ),
    # Numbers.
    "exposure that is NaN": (
        {"exposure": exposure(data=[1, 2, np.nan, 4, 5])},
        InputError,
        r"exposure of dataset 'd' is not finite in 1 of 5 bins \(first at index \(2, 0, 0\): nan\)",
    ),
    "negative exposure": (
        {"exposure": exposure(data=[1, -2, 3, 4, 5])},
        InputError,
        "exposure of dataset 'd' is negative in 1 of 5 bins",
    ),
    "negative counts": (
        {"counts": counts(data=[1, 0, -3])},
        InputError,
        r"counts of dataset 'd' is negative in 1 of 3 bins \(first at index \(2, 0, 0\): -3\): expected zero or more",
    ),
    "infinite background": (
        {"background": counts(data=[1, np.inf, 3])},
        InputError,
        "background of dataset 'd' is not finite in 1 of 3 bins",
    ),
    "kernel that is NaN": (
        {"edisp": kernel(value=np.nan)},
        InputError,
        "edisp of dataset 'd' is not finite in 15 of 15 bins",
    ),
    "complex counts": (
        {"counts": counts(dtype=complex)},
        InputError,
        "counts of dataset 'd' holds complex128 values: expected numbers",
    ),
    # Kinds.
    "an array for counts": (
        {"counts": np.ones(3)},
        InputTypeError,
        "counts of dataset 'd' is a ndarray: expected a RegionNDMap",
    ),
    "background along one axis more": (
        {"counts": counts(), "background": two_regions()},
        InputError,
        r"background of dataset 'd' has the shape \(2, 3, 1, 1\): expected \(3, 1, 1\), as for counts",
    ),
    "a map for the energy dispersion": (
        {"edisp": counts()},
        InputTypeError,
        "edisp of dataset 'd' is a RegionNDMap: expected EDispKernelMap, EDispMap or EDispKernel",
    ),
    "a number for good times": ({"gti": 3}, InputTypeError, "gti of dataset 'd' is a int: expected GTI"),
    "a dict for the table": (
        {"meta_table": {}},
        InputTypeError,
        "meta_table of dataset 'd' is a dict: expected an astropy Table",
    ),
    "a map for the point spread function": (
        {"psf": counts()},
        InputTypeError,
        "psf of dataset 'd' is a RegionNDMap: expected a PSF map",
    ),
}


@pytest.mark.parametrize("kind", [SpectrumDataset, MapDataset])
@pytest.mark.parametrize("case", PARTS)
def test_parts(case, kind):
    parts, error, match = PARTS[case]
    with pytest.raises(error, match=match):
        kind(name="d", **parts)
    # And the same when the last part is set later.
    *first, last = parts
    dataset = kind(name="d", **{name: parts[name] for name in first})
    with pytest.raises(error, match=match):
        setattr(dataset, last, parts[last])
    assert getattr(dataset, last) is None


def test_off_counts_are_checked_like_counts():
    with pytest.raises(InputError, match="counts_off of dataset 'd' is negative in 3 of 3 bins"):
        SpectrumDatasetOnOff(name="d", counts=counts(), counts_off=counts(data=[-1, -1, -1]))


def test_a_bare_kernel_becomes_a_map():
    dataset = SpectrumDataset(edisp=EDispKernel([TRUE, ENERGY], np.full((5, 3), 0.2)), name="d")
    assert isinstance(dataset.edisp, EDispKernelMap)


def test_integers_are_numbers():
    dataset = SpectrumDataset(counts=counts(dtype=int), background=counts(dtype=int), name="d")
    assert dataset.excess.data.sum() == 0
    assert np.isfinite(dataset.stat_sum())


def test_an_argument_that_is_not_there():
    with pytest.raises(TypeError, match="unexpected keyword argument 'countz'"):
        SpectrumDataset(countz=counts())


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ({"e_reco": TRUE}, InputError, "the axis of reconstructed energy is called 'energy_true': expected 'energy'"),
        ({"e_reco": 3}, InputTypeError, "e_reco is a int: expected a MapAxis or a RegionGeom"),
        (
            {"e_reco": ENERGY, "e_true": ENERGY},
            InputError,
            "the axis of true energy is called 'energy': expected 'energy_true'",
        ),
    ],
)
def test_create(arguments, error, match):
    with pytest.raises(error, match=match):
        SpectrumDataset.create(**arguments)


def test_create_knows_the_hyphen_of_the_page():
    true = MapAxis.from_energy_bounds("0.5 TeV", "20 TeV", nbin=5, name="energy-true")
    assert SpectrumDataset.create(ENERGY, true).exposure.geom.axes.names == ["energy_true"]


def test_a_name_used_twice():
    with pytest.raises(InputError, match=r"several models are called \['a'\]: give each a name of its own"):
        SpectrumDataset(models=[SkyModel(PowerLawSpectralModel(), name="a") for _ in range(2)])


def test_limits_in_the_wrong_unit():
    dataset = SpectrumDataset(counts=counts(), name="d")
    with pytest.raises(UnitsError, match="energy_max has the unit 'cm': expected one like TeV"):
        dataset.slice_by_energy(1 * u.TeV, 3 * u.cm)


# -- files


@pytest.fixture
def crab(tmp_path):
    """Copies of the files of one run."""
    source = sample_files("crab-hess")[0]
    for path in source.parent.glob("*23523*"):
        shutil.copy(path, tmp_path)
    return tmp_path / source.name


@pytest.mark.filterwarnings("ignore:.*RESPFILE")
def test_an_effective_area_without_redistribution(crab):
    (crab.parent / "rmf_obs23523.fits").unlink()
    with pytest.raises(FileFormatError, match=r"there is an effective area \(.*\) but no redistribution matrix"):
        SpectrumDatasetOnOff.read(crab)


@pytest.mark.filterwarnings("ignore:.*RESPFILE")
def test_an_effective_area_without_energies_of_the_channels(crab):
    (crab.parent / "rmf_obs23523.fits").unlink()
    with fits.open(crab) as hdus:
        kept = fits.HDUList([hdu.copy() for hdu in hdus if hdu.name != "EBOUNDS"])
    kept.writeto(crab, overwrite=True)
    match = "the energies of the channels are unknown: .* and there is an effective area"
    with pytest.raises(FileFormatError, match=match):
        SpectrumDatasetOnOff.read(crab)


@pytest.mark.parametrize("name", ["pha", "bkg", "arf", "rmf"])
def test_a_truncated_file(crab, name):
    path = crab.parent / f"{name}_obs23523.fits"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(FileFormatError, match=f"{name}_obs23523.fits.*truncated"):
        SpectrumDatasetOnOff.read(crab)


# -- parts that were changed in place, and arguments of the wrong kind


@pytest.fixture
def dataset():
    return SpectrumDataset(counts=counts(), background=counts(), exposure=exposure(), edisp=kernel(), name="d")


@pytest.mark.parametrize(
    ("part", "ask"),
    {
        "excess, counts": ("counts", lambda d: d.excess),
        "excess, background": ("background", lambda d: d.excess),
        "npred_background": ("background", lambda d: d.npred_background()),
        "plot": ("counts", lambda d: d.plot_counts()),
        "extensions": ("exposure", lambda d: d.to_hdulist()),
        "file": ("background", lambda d: d.write("never.fits")),
        "OGIP file": ("counts", lambda d: d.write("never.fits", format="ogip")),
    }.values(),
)
def test_nan_put_into_a_part_is_not_handed_on(dataset, part, ask):
    getattr(dataset, part).data[1] = np.nan
    with pytest.raises(InputError, match=f"{part} of dataset 'd' is not finite in 1 of"):
        ask(dataset)


@pytest.mark.parametrize(
    ("ask", "match"),
    [
        (lambda d: d.stack("e"), "cannot stack 'e' onto 'd': expected a dataset"),
        (lambda d: d.resample_energy_axis(3), "energy_axis is a int: expected a MapAxis"),
        (lambda d: d.slice_by_idx(3), "slices is 3: expected a dict"),
        (lambda d: d.copy(name=3), "name is 3: expected a string"),
        (
            lambda d: SpectrumDatasetOnOff.from_spectrum_dataset(d, "one", 2),
            "acceptance of dataset 'd' is 'one': expected a RegionNDMap or numbers",
        ),
    ],
)
def test_operations_say_what_they_take(dataset, ask, match):
    with pytest.raises(InputTypeError, match=match):
        ask(dataset)


@pytest.mark.parametrize(
    ("ask", "match"),
    [
        (
            lambda d: d.slice_by_idx({"energy": slice(0, 1.5)}),
            r"the slice of 'energy' is slice\(0, 1.5, None\): expected",
        ),
        (lambda d: d.slice_by_energy([1, 2] * u.TeV, "10 TeV"), "energy_min is .*: expected one energy, not 2"),
        (lambda d: setattr(d.counts, "data", np.ma.masked_less(d.counts.data, 2)), "data has 3 masked values"),
    ],
)
def test_operations_say_which_values_they_take(dataset, ask, match):
    with pytest.raises(InputError, match=match):
        ask(dataset)


def test_a_masked_array_without_masked_values_is_an_array(dataset):
    dataset.counts.data = np.ma.masked_array([1.0, 2.0, 3.0])
    assert type(dataset.counts.data) is np.ndarray
    assert dataset.counts.data.sum() == 6.0


def test_create_takes_one_spelling_and_a_time():
    geom = counts().geom
    with pytest.raises(InputError, match="e_reco and geom were both given"):
        SpectrumDataset.create(ENERGY, geom=geom)
    with pytest.raises(InputError, match="e_true and energy_axis_true were both given"):
        SpectrumDataset.create(geom, TRUE, energy_axis_true=TRUE)
    with pytest.raises(InputError, match="reference_time is 'soon': expected a Time"):
        SpectrumDataset.create(ENERGY, reference_time="soon")
