"""``gammafold info``: every kind of file is known, told in true numbers, and drawn."""

import re
import warnings

import astropy.units as u
import matplotlib.pyplot as plt
import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from gammafold.data.gti import GTI
from gammafold.data.ogip import read_arf, read_rmf
from gammafold.report.describe import describe
from gammafold.utils.errors import FileFormatError

pytestmark = pytest.mark.filterwarnings("ignore::gammafold.utils.errors.GammafoldWarning")


def drawn(description):
    """Draw the plot, make sure that something is on it, and close it."""
    figure = description.plot()
    assert figure.axes
    assert all(ax.has_data() for ax in figure.axes)
    figure.canvas.draw()
    plt.close(figure)
    return figure


def test_a_spectrum(crab_folder, run):
    result = run("info pha_obs23523.fits")
    assert result.exit_code == 0
    assert "OGIP spectrum (PHA) with background, exposure and energy dispersion" in result.stdout
    for text in ("124", "1581.7", "0.8913", "first channel 0 (TLMIN4 of F_CHAN)"):
        assert text in result.stdout
    assert plt.imread(crab_folder / "pha_obs23523.fits.png").shape[1] > 1000


def test_plots_go_where_they_should(crab_folder, run):
    before = set(crab_folder.iterdir())
    assert run("info arf_obs23523.fits --no-plot").exit_code == 0
    assert set(crab_folder.iterdir()) == before
    assert run("info arf_obs23523.fits rmf_obs23523.fits -o plots").exit_code == 0
    assert {path.name for path in (crab_folder / "plots").iterdir()} == {
        "arf_obs23523.fits.png",
        "rmf_obs23523.fits.png",
    }


def test_responses(crab_folder):
    area = describe("arf_obs23523.fits")
    arf = read_arf("arf_obs23523.fits")
    assert area.kind == "OGIP effective area (ARF)"
    assert f"{arf.area.max():.4g} cm2" in area.parts[0]
    assert "0.01 to 100 TeV" in area.parts[0]
    assert str(int((arf.area == 0).sum())) in area.parts[0]
    drawn(area)
    matrix = describe("rmf_obs23523.fits")
    assert matrix.kind == "OGIP redistribution matrix (RMF)"
    assert f"the first is {read_rmf('rmf_obs23523.fits').first_channel}" in matrix.parts[0]
    drawn(matrix)


def test_a_background(crab_folder):
    found = describe("bkg_obs23523.fits")
    assert found.kind == "OGIP background spectrum"
    assert "229" in found.parts[0]
    figure = drawn(found)
    (steps,) = figure.axes[0].patches
    assert steps.get_data().values.sum() == 229


def test_a_spectrum_without_responses_is_told_in_channels(crab_folder):
    for name in ("arf_obs23523.fits", "rmf_obs23523.fits"):
        (crab_folder / name).unlink()
    with fits.open("pha_obs23523.fits", mode="update") as hdulist:
        del hdulist["EBOUNDS"]
    found = describe("pha_obs23523.fits")
    assert found.kind == "OGIP spectrum, in channels only"
    assert "80, from 0 to 79" in found.parts[0]
    assert "energies of the channels are unknown" in found.parts[1]
    drawn(found)


def test_models_and_fits(crab_folder, run):
    assert run("fit pha_obs23523.fits -o fit").exit_code == 0
    result = run("info fit/power-law.yaml")
    assert result.exit_code == 0, result.output
    assert re.search(r"power-law │ PowerLaw │ index .* ± ", result.stdout)
    assert "1 (frozen)" in result.stdout
    assert (crab_folder / "power-law.yaml.png").exists()


def test_a_result_of_a_fit(tmp_path):
    from gammafold.datasets import SpectrumDatasetOnOff
    from gammafold.modeling import Fit
    from gammafold.modeling.models import PowerLawSpectralModel, SkyModel
    from gammafold.samples import sample_files

    dataset = SpectrumDatasetOnOff.read(sample_files("crab-hess")[0])
    dataset.models = SkyModel(PowerLawSpectralModel(amplitude="4e-11 cm-2 s-1 TeV-1"), name="crab")
    result = Fit().run(dataset)
    result.write(tmp_path / "fit.yaml")
    found = describe(tmp_path / "fit.yaml")
    assert found.kind == "result of a fit"
    assert f"{result.total_stat:.6f}" in found.parts[0]
    drawn(found)


def test_models_without_a_flux_have_no_plot(tmp_path):
    from gammafold.modeling.models import FoVBackgroundModel, Models

    Models([FoVBackgroundModel(dataset_name="d")]).write(tmp_path / "background.yaml")
    found = describe(tmp_path / "background.yaml")
    assert found.kind == "models (1)"
    assert found.plot is None


def test_flux_points_and_light_curves(crab_folder, run):
    assert run("flux-points pha_obs*.fits --bins 3 -o out").exit_code == 0
    assert run("light-curve pha_obs*.fits --times observations.ecsv -o out").exit_code == 0
    for ending in ("ecsv", "fits"):
        points, curve = (describe(f"out/{name}.{ending}") for name in ("flux-points", "light-curve"))
        assert (points.kind, curve.kind) == ("flux points", "light curve")
        assert points.parts[0].row_count == 3
        assert curve.parts[0].row_count == 4
        drawn(points)
        drawn(curve)


def test_good_times(tmp_path):
    GTI.create([0, 100] * u.s, [50, 200] * u.s, reference_time="2020-01-01").write(tmp_path / "gti.fits")
    found = describe(tmp_path / "gti.fits")
    assert found.kind == "good time intervals"
    assert "0.04167 h" in found.parts[0]
    assert "2020-01-01 00:03:20" in found.parts[0]
    assert found.plot is None


def test_events(tmp_path):
    energy = np.geomspace(0.1, 10, 500) * u.TeV
    hdu = fits.BinTableHDU(Table({"EVENT_ID": np.arange(500), "ENERGY": energy}), name="EVENTS")
    hdu.header["OBS_ID"], hdu.header["LIVETIME"] = 7, 1234.5
    hdu.writeto(tmp_path / "events.fits")
    found = describe(tmp_path / "events.fits")
    assert found.kind == "event list (DL3)"
    assert "500" in found.parts[0]
    assert "1234.5 s" in found.parts[0]
    figure = drawn(found)
    assert figure.axes[0].patches[0].get_data().values.sum() == 500
    hdu.data = hdu.data[:0]
    hdu.writeto(tmp_path / "none.fits")
    assert describe(tmp_path / "none.fits").plot is None


def test_other_files(tmp_path):
    fits.PrimaryHDU(np.zeros((2, 3))).writeto(tmp_path / "image.fits")
    found = describe(tmp_path / "image.fits")
    assert found.kind == "FITS file that gammafold does not know"
    assert found.parts[0].row_count == 1
    assert found.plot is None


@pytest.mark.shared
def test_x_ray_files(shared_data):
    folder = shared_data / "ogip-xray"
    kinds = {name: describe(folder / f"3c273{name}") for name in (".pi", ".arf", ".rmf", "_bg.pi")}
    assert kinds[".pi"].kind.endswith("with background, exposure and energy dispersion")
    assert "0.1 to 11 keV" in kinds[".arf"].parts[0]
    assert "the first is 1" in kinds[".rmf"].parts[0]
    for found in kinds.values():
        drawn(found)


@pytest.mark.shared
def test_instrument_files(shared_data):
    path = next((shared_data / "hess-dl3-dr1" / "data").glob("*.fits.gz"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = describe(path)
    assert found.kind == "event list (DL3)"
    drawn(found)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("nothing.fits", None, "no such file: .*nothing.fits"),
        ("text.dat", "words", "text.dat is neither FITS nor YAML nor ECSV"),
        ("text.fits.gz", "words", "text.fits.gz is neither FITS nor YAML nor ECSV"),
        ("list.yaml", "- 1\n- 2\n", "no models, datasets or fit in this YAML file, there is list"),
        ("other.yaml", "a: 1\n", r"no models, datasets or fit in this YAML file, there is \['a'\]"),
        ("broken.yaml", "a: [1", "broken.yaml"),
        ("table.ecsv", "a b\n1 2\n", "table.ecsv"),
        ("cut.fits", "SIMPLE  =                    T", "cut.fits"),
    ],
)
def test_files_that_tell_nothing(tmp_path, name, content, message):
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(FileFormatError, match=message):
        describe(tmp_path / name)


def test_folders_are_no_files(tmp_path):
    with pytest.raises(FileFormatError, match="is a folder: expected a file"):
        describe(tmp_path)


def test_bad_input_is_one_line(crab_folder, fails):
    assert re.search("LICENSE is neither FITS nor YAML nor ECSV", fails("info LICENSE"))


def test_an_ensemble(crab_folder, run):
    made = run("simulate pha_obs23523.fits -n 20 --seed 1 -o out")
    assert made.exit_code == 0
    told = run("info out/ensemble.fits -o plots")
    assert told.exit_code == 0, told.stderr
    assert "ensemble of simulated spectra" in told.stdout
    table = made.stdout[made.stdout.index("┏") : made.stdout.index("┘")]
    assert table in told.stdout
    assert (crab_folder / "plots" / "ensemble.fits.png").exists()


def test_a_light_curve_of_norms_is_told_as_a_flux(crab_folder, run):
    made = run("light-curve pha_obs*.fits --times observations.ecsv -o out")
    assert made.exit_code == 0
    told = run("info out/light-curve.fits --no-plot").stdout
    assert made.stdout[made.stdout.index("┏") : made.stdout.index("┘")] in told
