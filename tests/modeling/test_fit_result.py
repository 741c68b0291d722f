"""Results that last: what a fit found is written whole, and what this release wrote must always be read.

``python tests/modeling/test_fit_result.py`` writes ``tests/data/fit_result_0.1.yaml``, the file of this release.
"""

import sys
from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
import yaml
from numpy.testing import assert_allclose, assert_array_equal

import gammafold
from gammafold.datasets import Datasets, SpectrumDataset
from gammafold.maps import MapAxis
from gammafold.modeling import Fit, FitResult
from gammafold.modeling.models import (
    DatasetNormModel,
    EnergyScaleModel,
    ExpCutoffPowerLawSpectralModel,
    FoVBackgroundModel,
    GaussianPrior,
    LogParabolaSpectralModel,
    Models,
    PowerLawNormSpectralModel,
    PowerLawSpectralModel,
    SkyModel,
    TemplateSpectralModel,
    UniformPrior,
)
from gammafold.utils.errors import FileFormatError, UnknownNameError

DATA = Path(__file__).parent.parent / "data"
STORED = DATA / "fit_result_0.1.yaml"
PLAIN = [
    *("names", "at_limit", "total_stat", "n_data", "success", "message", "warnings"),
    *("backend", "method", "nfev", "edm", "covariance_method", "covariance_accurate", "versions"),
]
FLUX = u.Unit("cm-2 s-1 TeV-1")


@pytest.fixture(scope="module")
def own_models():
    """The module of a user's models, importable while the test runs."""
    sys.path.insert(0, str(DATA))
    import own_models

    yield own_models
    sys.path.remove(str(DATA))
    del sys.modules["own_models"]


def toy(name, seed):
    edges = np.geomspace(1, 30, 16) * u.TeV
    axis = MapAxis.from_energy_edges(edges)
    dataset = SpectrumDataset.create(axis, axis.copy(name="energy_true"), name=name)
    dataset.exposure.quantity = np.full(dataset.exposure.data.shape, 3e13) * u.Unit("cm2 s")
    dataset.edisp = None
    dataset.mask_safe = np.ones(dataset.data_shape, bool)
    dataset.background.data[...] = 20.0
    dataset.models = SkyModel(PowerLawSpectralModel(index=2.1, amplitude=6e-11 * FLUX), name="truth")
    dataset.fake(random_state=seed)
    return dataset


def everything(own_models):
    """Return datasets with a model of every kind, with priors, links, limits and corrections."""
    datasets = Datasets([toy("east", 1), toy("west", 2)])
    log_parabola = LogParabolaSpectralModel(amplitude=2e-11 * FLUX, reference=2 * u.TeV, alpha=2, beta=0.05)
    log_parabola.alpha.prior = GaussianPrior(mu=2.1, sigma=0.2)
    log_parabola.beta.min, log_parabola.beta.max = 0.0, 1.0
    log_parabola.beta.prior = UniformPrior(min=-1, max=2)
    cutoff = ExpCutoffPowerLawSpectralModel(amplitude=1e-11 * FLUX, reference=1 * u.TeV, lambda_=0.05 / u.TeV)
    cutoff.freeze()
    cutoff.index = log_parabola.alpha
    template = TemplateSpectralModel([0.5, 5, 50] * u.TeV, [1e-11, 1e-13, 1e-16] * FLUX)
    own = own_models.OwnSpectrum(level=2e-13 * FLUX)
    own.freeze()
    own.level.frozen = False
    norm = PowerLawNormSpectralModel()
    norm.norm.prior = GaussianPrior(mu=1, sigma=0.3)
    datasets.models = Models(
        [
            SkyModel(log_parabola, name="main"),
            SkyModel(cutoff, name="second"),
            SkyModel(template * norm, name="third", datasets_names="east"),
            SkyModel(own, name="own"),
            EnergyScaleModel("west", sigma=0.05),
            DatasetNormModel("east", sigma=0.05),
            own_models.OwnCorrection("west", name="tilt"),
            FoVBackgroundModel("east"),
        ]
    )
    datasets.models["tilt"].tilt.prior = GaussianPrior(mu=0, sigma=0.1)
    return datasets


def write_stored(path, own_models):
    """Write the file of this release."""
    Fit().run(everything(own_models)).write(path, overwrite=True)


def check_same(read, result):
    for name in PLAIN:
        assert getattr(read, name) == getattr(result, name), name
    for name in ("values", "errors", "covariance"):
        assert_array_equal(getattr(read, name), getattr(result, name))
    assert read.models.to_dict(full_output=True) == result.models.to_dict(full_output=True)
    assert_allclose(read.models.covariance.data, result.models.covariance.data)


def test_round_trip(own_models, tmp_path):
    datasets = everything(own_models)
    result = Fit().run(datasets)
    assert result.success
    assert result.covariance_accurate
    path = tmp_path / "fit.yaml"
    result.write(path)
    read = FitResult.read(path)
    check_same(read, result)
    # It is the same fit: the statistic of the models that were read, and their links, priors and limits.
    fresh = everything(own_models)
    fresh.models = read.models
    assert_allclose(fresh.stat_sum(), result.total_stat, rtol=1e-12)
    assert read.models["second"].spectral_model.index is read.models["main"].spectral_model.alpha
    assert isinstance(read.models["own"].spectral_model, own_models.OwnSpectrum)
    again = Fit().run(fresh)
    assert again.at_limit == result.at_limit == ("beta",)
    known = result.errors > 0
    assert_allclose((again.values - result.values)[known] / result.errors[known], 0, atol=1e-4)
    assert_allclose(again.errors, result.errors, rtol=1e-5)


def test_a_file_of_this_release_is_read(own_models):
    read = FitResult.read(STORED)
    result = Fit().run(everything(own_models))
    assert read.names == result.names
    known = result.errors > 0
    assert known.sum() == 8
    assert_allclose((read.values - result.values)[known] / result.errors[known], 0, atol=1e-4)
    assert_allclose(read.errors, result.errors, rtol=1e-4)
    assert_allclose(read.correlation, result.correlation, atol=1e-3)
    assert_allclose(read.total_stat, result.total_stat, rtol=1e-9)
    assert read.models.names == result.models.names
    assert [type(model) for model in read.models] == [type(model) for model in result.models]
    assert read.versions["gammafold"].startswith("0.1")
    prior = read.models["main"].spectral_model.alpha.prior
    assert (type(prior), prior.mu.value, prior.sigma.value) == (GaussianPrior, 2.1, 0.2)
    assert read.models["second"].spectral_model.index is read.models["main"].spectral_model.alpha
    # And the same file is read as models alone.
    models = Models.read(STORED)
    assert models.names == read.models.names


def test_models_of_a_user_inside_others(own_models, tmp_path):
    own = own_models.OwnSpectrum(slope=2.5)
    models = Models(
        [
            SkyModel(own + PowerLawSpectralModel(), name="sum"),
            SkyModel(own_models.OwnSpectrum() * PowerLawNormSpectralModel(norm=2), name="product"),
        ]
    )
    models.write(tmp_path / "models.yaml")
    read = Models.read(tmp_path / "models.yaml")
    energy = [1, 3, 10] * u.TeV
    for one, other in zip(models, read, strict=True):
        assert_allclose(other.spectral_model(energy).to_value(FLUX), one.spectral_model(energy).to_value(FLUX))
    assert isinstance(read["sum"].spectral_model.model1, own_models.OwnSpectrum)


def test_a_failed_fit_is_written_as_such(own_models, tmp_path):
    datasets = everything(own_models)
    result = Fit(optimize_opts={"max_evaluations": 1}, on_failure="report", store_trace=True).optimize(datasets)
    result.write(tmp_path / "fit.yaml")
    read = FitResult.read(tmp_path / "fit.yaml")
    assert read.covariance is None
    assert read.covariance_method == "none"
    assert read.success == result.success
    assert read.message == result.message
    assert len(read.trace) == len(result.trace)
    assert_array_equal(read.trace[-1][1], result.trace[-1][1])


def test_result_as_table_and_text(own_models):
    result = Fit().run(everything(own_models))
    table = result.to_table()
    assert list(table["name"]) == list(result.names)
    assert_array_equal(table["value"], result.values)
    assert table["unit"][0] == "1 / (TeV s cm2)"
    assert "converged" in repr(result)
    assert "errors from: hessian" in repr(result)
    assert result["alpha"] == (result.values[1], result.errors[1])
    assert result["east-dataset-norm.norm"][1] > 0
    with pytest.raises(UnknownNameError, match="no free parameter 'gamma'"):
        result["gamma"]
    # A parameter on a limit has no variance, and is correlated with nothing.
    assert_allclose(np.diagonal(result.correlation), [1, 1, 0, 1, 1, 1, 1, 1, 1])


def test_result_is_independent_of_its_models(own_models):
    datasets = everything(own_models)
    result = Fit().run(datasets)
    before = result.models.to_dict()
    datasets.models["main"].spectral_model.alpha.value = 5
    assert result.models.to_dict() == before
    with pytest.raises(AttributeError, match="cannot assign to field 'success'"):
        result.success = False


def test_files_that_are_no_results(own_models, tmp_path):
    path = tmp_path / "fit.yaml"
    path.write_text("- 1\n")
    with pytest.raises(FileFormatError, match="fit.yaml: not a fit result"):
        FitResult.read(path)
    content = yaml.safe_load(STORED.read_text(encoding="utf-8"))
    del content["fit_result"]["values"]
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(FileFormatError, match="fit.yaml: not a fit result: .*values.* is missing"):
        FitResult.read(path)
    content["fit_result"]["schema"] = 99
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(FileFormatError, match="has schema 99, this version reads up to 1"):
        FitResult.read(path)


@pytest.mark.parametrize(
    ("entry", "value", "match"),
    [
        ("values", [1.0], r"values of fit_result have the shape \(1,\): expected \("),
        ("errors", "none", "not a fit result: could not convert string to float: 'none'"),
        ("covariance", [[1.0]], r"covariance of fit_result have the shape \(1, 1\): expected"),
        ("names", ["index"], r"fit_result is of \['index'\], and its models have . free parameters"),
        ("trace", [[1.0]], "not a fit result: not enough values to unpack"),
        ("colour", "red", "not a fit result: .*unexpected keyword argument 'colour'"),
    ],
)
def test_damaged_results_name_the_file(own_models, tmp_path, entry, value, match):
    path = tmp_path / "fit.yaml"
    content = yaml.safe_load(STORED.read_text(encoding="utf-8"))
    content["fit_result"][entry] = value
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(FileFormatError, match=f"fit.yaml: {match}"):
        FitResult.read(path)


def test_damaged_models_of_a_result_name_the_file(own_models, tmp_path):
    path = tmp_path / "fit.yaml"
    content = yaml.safe_load(STORED.read_text(encoding="utf-8"))
    content["components"][0] = "main"
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(FileFormatError, match="fit.yaml: component 0: .* 'main': expected a mapping with a type"):
        FitResult.read(path)


if __name__ == "__main__":
    sys.path.insert(0, str(DATA))
    import own_models as module

    write_stored(STORED, module)
    print(f"written by gammafold {gammafold.__version__}: {STORED}")
