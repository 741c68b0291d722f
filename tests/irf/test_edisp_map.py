"""Maps of energy dispersion: stacking keeps predictions, cutting and summing keep rows, files keep all."""

import json
from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from gammafold.irf.edisp_kernel import EDispKernel
from gammafold.irf.edisp_map import EDispKernelMap, EDispMap
from gammafold.irf.psf_map import PSFMap
from gammafold.maps.axis import MapAxis
from gammafold.maps.region_geom import RegionGeom
from gammafold.maps.region_map import RegionNDMap
from gammafold.utils.errors import FileFormatError, InputError, InputTypeError

REFERENCE = json.loads((Path(__file__).parent.parent / "data" / "reference.json").read_text())
REGION = "icrs;circle(83.63, 22.01, 0.11)"
RECO = MapAxis.from_energy_edges([1, 2, 4, 8, 16] * u.TeV)
TRUE = MapAxis.from_energy_edges([1, 3, 9, 27] * u.TeV, name="energy_true")
MIGRA = MapAxis.from_edges(np.linspace(0, 2, 9), name="migra")
RAD = MapAxis.from_edges([0, 0.1, 0.3] * u.deg, name="rad")
MATRIX = np.array([[0.5, 0.3, 0.0, 0.0], [0.0, 0.2, 0.6, 0.1], [0.0, 0.0, 0.0, 0.4]])


def make(kind=EDispKernelMap, values=MATRIX, exposure=(1.0, 2.0, 3.0), unit="m2 s", region=REGION):
    axis = {EDispKernelMap: RECO, EDispMap: MIGRA, PSFMap: RAD}[kind]
    geom = RegionGeom.create(region, axes=[axis, TRUE])
    data = np.broadcast_to(np.asarray(values, dtype=float), (TRUE.nbin, axis.nbin)).reshape(geom.data_shape)
    weights = None
    if exposure is not None:
        squashed = geom.squash(axis.name)
        weights = RegionNDMap(squashed, data=np.reshape(exposure, squashed.data_shape).astype(float), unit=unit)
    return kind(RegionNDMap(geom, data=data.copy()), weights)


def mask(bins):
    geom = RegionGeom.create(REGION, axes=[RECO])
    return RegionNDMap(geom, data=np.array(bins).reshape(geom.data_shape))


# -- construction


def test_from_kernels():
    geom = RegionGeom.create(REGION)
    gauss = EDispKernelMap.from_gauss(RECO, TRUE, 0.2, 0.05, geom=geom)
    assert gauss.edisp_map.data.shape == (3, 4, 1, 1)
    assert gauss.exposure_map.data.shape == (3, 1, 1, 1)
    assert gauss.edisp_map.geom.axes.names == ["energy", "energy_true"]
    assert gauss.edisp_map.geom.region == geom.region
    assert_array_equal(gauss.matrix(), EDispKernel.from_gauss(TRUE, RECO, 0.2, 0.05).data)
    cut = EDispKernelMap.from_gauss(RECO, TRUE, 0.2, 0.05, pdf_threshold=0.1)
    assert_array_equal(cut.matrix(), np.where(gauss.matrix() < 0.1, 0, gauss.matrix()))
    diagonal = EDispKernelMap.from_diagonal_response(RECO, TRUE)
    assert_allclose(diagonal.matrix()[0], [0.5, 0.5, 0, 0], rtol=1e-15)
    assert_array_equal(diagonal.exposure_map.data, np.ones((3, 1, 1, 1)))
    kernel = diagonal.get_edisp_kernel()
    assert EDispKernelMap.from_edisp_kernel(kernel).get_edisp_kernel(energy_axis=RECO).is_allclose(kernel)
    empty = EDispKernelMap.from_geom(gauss.edisp_map.geom)
    assert not empty.edisp_map.data.any()
    assert not empty.exposure_map.data.any()
    assert empty.exposure_map.unit == "m2 s"


def test_get_kernel_on_another_axis():
    with pytest.raises(InputError, match=r"the kernel map has .*: it cannot give .*; resample it"):
        make().get_edisp_kernel(energy_axis=MapAxis.from_energy_edges([1, 2] * u.TeV))


# -- stacking


@given(st.lists(st.floats(0, 5), min_size=6, max_size=6), st.lists(st.booleans(), min_size=4, max_size=4))
def test_stack_keeps_the_sum_of_the_folded(exposures, bins):
    one, two = make(exposure=exposures[:3]), make(values=MATRIX[::-1] / 2, exposure=exposures[3:])
    y1, y2 = np.reshape(exposures[:3], (3, 1)), np.reshape(exposures[3:], (3, 1))
    expected = y1 * one.matrix() + y2 * two.matrix() * bins
    one.stack(two, weights=mask(bins))
    weights = one.exposure_map.data.reshape(3, 1)
    assert_allclose(weights, y1 + y2 * any(bins), rtol=1e-14)
    assert_allclose(one.matrix() * weights, expected, rtol=1e-12, atol=1e-300)


def test_stack_converts_units():
    one, two = make(), make(values=MATRIX / 2, exposure=(1e4, 2e4, 3e4), unit="cm2 s")
    one.stack(two)
    assert_allclose(one.matrix(), 0.75 * MATRIX, rtol=1e-14)
    assert_allclose(one.exposure_map.quantity.to_value("m2 s").reshape(-1), [2, 4, 6], rtol=1e-14)
    assert_allclose(two.matrix(), MATRIX / 2)


def test_stack_ignores_what_no_exposure_stands_for():
    one = make(exposure=(1, 0, 0))
    one.edisp_map.data[1] = np.nan
    one.stack(make(values=1.0, exposure=(0, 1, 0)))
    assert_allclose(one.matrix(), [MATRIX[0], np.ones(4), np.zeros(4)])


def test_stack_of_the_reference():
    """The truth of the reference masks both members; the stacked map masks the first beforehand, as here."""
    case = next(case for case in REFERENCE["cases"] if case["id"] == "stack/two")
    maps = []
    for name in case["inputs"]["datasets"]:
        toy = REFERENCE["datasets"][name]
        reco = MapAxis.from_energy_edges(toy["energy_edges"] * u.TeV)
        true = MapAxis.from_energy_edges(toy["energy_true_edges"] * u.TeV, name="energy_true")
        geom = RegionGeom.create(REGION, axes=[reco, true])
        weights = geom.squash("energy")
        masked = np.array(toy["edisp"], dtype=float) * np.array(toy["mask_safe"])
        exposure = np.reshape(np.array(toy["exposure"], dtype=float), weights.data_shape)
        maps.append(
            EDispKernelMap(
                RegionNDMap(geom, data=masked.reshape(geom.data_shape)),
                RegionNDMap(weights, data=exposure, unit=toy.get("exposure_unit", "cm2 s")),
            )
        )
    maps[0].stack(maps[1])
    assert_allclose(maps[0].matrix(), case["truth"]["edisp"], rtol=1e-12, atol=1e-15)


def test_bad_stacks():
    with pytest.raises(InputError, match=r"cannot stack EDispKernelMap without exposures"):
        make().stack(make(exposure=None))
    with pytest.raises(InputTypeError, match=r"cannot stack EDispMap onto EDispKernelMap"):
        make().stack(make(EDispMap, 0.5))
    other = EDispKernelMap.from_diagonal_response(
        RECO, MapAxis.from_energy_edges([1, 3, 9, 28] * u.TeV, name="energy_true")
    )
    with pytest.raises(InputError, match=r"the axes differ"):
        make().stack(other)


# -- cutting and summing


def test_slices():
    part = make().slice_by_idx({"energy": slice(1, 3), "energy_true": slice(0, 2)})
    assert_array_equal(part.matrix(), MATRIX[:2, 1:3])
    assert_array_equal(part.exposure_map.data.reshape(-1), [1, 2])
    assert make(exposure=None).slice_by_idx({"energy": slice(0, 2)}).exposure_map is None
    assert make(PSFMap, 2.0).slice_by_idx({"energy_true": slice(1, 3)}).psf_map.data.shape == (2, 2, 1, 1)


def test_sums_of_reconstructed_bins():
    coarse = MapAxis.from_energy_edges([1, 4, 16] * u.TeV)
    expected = MATRIX.reshape(3, 2, 2).sum(axis=2)
    for summed in (make().resample_energy_axis(coarse), make().downsample(2, axis_name="energy")):
        assert_allclose(summed.matrix(), expected, rtol=1e-14)
        assert_array_equal(summed.exposure_map.data.reshape(-1), [1, 2, 3])
        assert_allclose(summed.edisp_map.geom.axes["energy"].edges.value, [1, 4, 16])
    bins = [True, False, True, True]
    geom = make().edisp_map.geom
    for shape in (geom, geom.squash("energy_true"), mask(bins).geom):
        weights = RegionNDMap(shape, data=np.broadcast_to(mask(bins).data, shape.data_shape).copy())
        masked = make().resample_energy_axis(coarse, weights=weights)
        assert_allclose(masked.matrix(), (MATRIX * bins).reshape(3, 2, 2).sum(axis=2), rtol=1e-14)
        assert_allclose(make().downsample(2, "energy", weights).matrix(), masked.matrix(), rtol=1e-14)
        assert_allclose(make().to_image(weights).matrix(), (MATRIX * bins).sum(axis=1, keepdims=True), rtol=1e-14)
    assert_array_equal(make().downsample(7).matrix(), MATRIX)
    with pytest.raises(InputError, match=r"along 'energy_true': expected 'energy' or None"):
        make().downsample(3, axis_name="energy_true")


def test_copies_are_apart():
    one = make()
    two = one.copy()
    two.edisp_map.data[:] = two.exposure_map.data[:] = 9
    assert_array_equal(one.matrix(), MATRIX)
    assert_array_equal(one.exposure_map.data.reshape(-1), [1, 2, 3])
    assert one.cutout(None, width="1 deg") is one
    assert one.to_region_nd_map() is one


def test_mask_of_the_exposure():
    assert make().mask_safe_image.data.tolist() == [[True]]
    assert make(exposure=(0, 0, 0)).mask_safe_image.data.tolist() == [[False]]
    assert make(exposure=None).mask_safe_image is None


# -- the ratio of energies


def test_density_to_kernel_by_hand():
    # Three quarters of the photons between 0.5 and 1 times their energy, one quarter up to 1.5 times.
    density = np.zeros(8)
    density[2:4], density[4:6] = 1.5, 0.5
    true = MapAxis.from_energy_edges([1, 4, 16] * u.TeV, name="energy_true")
    geom = RegionGeom.create(REGION, axes=[MIGRA, true])
    one = EDispMap(RegionNDMap(geom, data=np.broadcast_to(density[:, None, None], geom.data_shape).copy()))
    reco = MapAxis.from_energy_edges([1, 1.5, 2, 2.5, 8] * u.TeV)
    # At 2 TeV: 0.5 to 0.75, 0.75 to 1, 1 to 1.25 and the rest. At 8 TeV: what is below 1 is 0.75.
    kernel = one.to_edisp_kernel_map(reco)
    assert_allclose(kernel.matrix(), [[0.375, 0.375, 0.125, 0.125], [0, 0, 0, 0.75]], atol=1e-14)
    assert kernel.exposure_map is None
    assert_allclose(one.get_edisp_kernel(reco).data, kernel.matrix())
    assert_allclose(one.to_edisp_kernel_map(reco, threshold=0.2).matrix(), [[0.375, 0.375, 0, 0], [0, 0, 0, 0.75]])


def test_fine_density_gives_the_gaussian_kernel():
    fine = MapAxis.from_edges(np.linspace(0, 3, 3001), name="migra")
    one = EDispMap.from_gauss(TRUE, fine, 0.15, 0.02, geom=RegionGeom.create(REGION))
    expected = EDispKernel.from_gauss(TRUE, RECO, 0.15, 0.02)
    assert_allclose(one.to_edisp_kernel_map(RECO).matrix(), expected.data, atol=5e-6)
    gev = MapAxis.from_energy_edges(RECO.edges.to("GeV"))
    assert_allclose(one.to_edisp_kernel_map(gev).matrix(), expected.data, atol=5e-6)
    with pytest.raises(InputError, match=r"sigma is 0"):
        EDispMap.from_gauss(TRUE, fine, 0, 0)


def test_diagonal_density():
    one = EDispMap.from_diagonal_response(TRUE)
    assert_allclose((one.edisp_map.data[..., 0, 0] * one.edisp_map.geom.axes["migra"].bin_width.value).sum(axis=1), 1)
    # All photons are at the centre of their bin: sqrt(3), sqrt(27) and sqrt(243) TeV.
    assert_allclose(one.to_edisp_kernel_map(RECO).matrix(), [[1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]], atol=1e-12)
    assert EDispMap.from_diagonal_response(TRUE, MIGRA).edisp_map.data[:, 4, 0, 0].tolist() == [4, 4, 4]
    with pytest.raises(InputError, match=r"does not hold the ratio 1"):
        EDispMap.from_diagonal_response(TRUE, MapAxis.from_edges([0, 0.5], name="migra"))


def test_weights_go_with_the_density():
    kernel = make(EDispMap, 0.5).to_edisp_kernel_map(RECO)
    assert kernel.exposure_map.geom.axes.names == ["energy", "energy_true"]
    assert_array_equal(kernel.exposure_map.data.reshape(-1), [1, 2, 3])


def test_normalize():
    one = make(EDispMap, [[3.0], [0.0], [0.25]])
    one.normalize()
    assert_allclose(one.edisp_map.data[:, 0, 0, 0], [0.5, 0, 0.5])


def test_densities_stack():
    one = make(EDispMap, 1.0, exposure=(1, 0, 2))
    one.stack(make(EDispMap, 0.0, exposure=(3, 1, 2)))
    assert_allclose(one.edisp_map.data[:, 0, 0, 0], [0.25, 0, 0.5])


# -- files


@pytest.mark.parametrize("kind", [EDispKernelMap, EDispMap, PSFMap])
@pytest.mark.parametrize("exposure", [(1.0, 2.0, 3.0), None])
@pytest.mark.parametrize("region", [REGION, None])
def test_files(kind, exposure, region, tmp_path):
    one = make(kind, 0.1 + 0.2, exposure, region=region)
    one.write(tmp_path / "irf.fits")
    again = kind.read(tmp_path / "irf.fits")
    assert again.irf_map.is_allclose(one.irf_map, rtol=0, atol=0)
    assert (again.irf_map.geom.region is None) == (region is None)
    if exposure is None:
        assert again.exposure_map is None
    else:
        assert again.exposure_map.is_allclose(one.exposure_map, rtol=0, atol=0)
        assert again.exposure_map.unit == "m2 s"
    with pytest.raises(InputError, match=r"file exists"):
        one.write(tmp_path / "irf.fits")


def test_names_of_extensions():
    names = [hdu.name for hdu in make().to_hdulist()]
    parts = ["", "_BANDS", "_REGION", "_EXPOSURE", "_EXPOSURE_BANDS", "_EXPOSURE_REGION"]
    assert names == ["PRIMARY", *[f"EDISP{part}" for part in parts]]
    assert [hdu.name for hdu in make(PSFMap, 1).to_hdulist()][1:] == [f"PSF{part}" for part in parts]


def test_extensions_of_other_names():
    hdus = make().to_hdulist()
    for hdu in hdus[1:]:
        hdu.name = hdu.name.replace("EDISP", "OTHER")
    assert_array_equal(EDispKernelMap.from_hdulist(hdus, hdu="OTHER").exposure_map.data.reshape(-1), [1, 2, 3])
    hdus["OTHER_EXPOSURE"].name = "WEIGHTS"
    assert EDispKernelMap.from_hdulist(hdus, hdu="OTHER").exposure_map is None
    with pytest.raises(FileFormatError, match=r"there is no extension 'NONE': there are \['PRIMARY', 'OTHER'"):
        EDispKernelMap.from_hdulist(hdus, hdu="OTHER", exposure_hdu="NONE")


def sky_file(path, data):
    """Write a kernel as a map of two pixels of the sky, with the bands of a region map."""
    bands = make(exposure=None).to_hdulist()["EDISP_BANDS"]
    image = fits.ImageHDU(data.astype("float32"), name="EDISP")
    image.header["BANDSHDU"] = "EDISP_BANDS"
    fits.HDUList([fits.PrimaryHDU(), image, bands]).writeto(path)
    return path


def test_maps_of_the_sky(tmp_path):
    data = np.repeat(MATRIX[:, :, None, None], 2, axis=3)
    one = EDispKernelMap.read(sky_file(tmp_path / "sky.fits", data))
    assert_allclose(one.matrix(), MATRIX, rtol=1e-7)
    assert one.edisp_map.geom.region is None
    assert one.edisp_map.geom.axes["energy"].is_allclose(RECO)
    data[0, 0, 0, 1] = 0.1
    with pytest.raises(FileFormatError, match=r"varying\.fits: extension 'EDISP' differs from place to place"):
        EDispKernelMap.read(sky_file(tmp_path / "varying.fits", data))
    with pytest.raises(FileFormatError, match=r"shape\.fits: extension 'EDISP' has the shape \(2, 4, 1, 2\): .*\(3, "):
        EDispKernelMap.read(sky_file(tmp_path / "shape.fits", data[:2]))
    with (
        fits.open(tmp_path / "sky.fits") as hdulist,
        pytest.raises(FileFormatError, match=r"no extension 'EDISP_BANDS'"),
    ):
        EDispKernelMap.from_hdulist(hdulist[:2])


def test_bad_files(tmp_path):
    with pytest.raises(FileFormatError, match=r"missing\.fits"):
        EDispKernelMap.read(tmp_path / "missing.fits")
    make(PSFMap, 1).write(tmp_path / "psf.fits")
    with pytest.raises(FileFormatError, match=r"psf\.fits: there is no extension 'EDISP': there are .*'PSF'"):
        EDispKernelMap.read(tmp_path / "psf.fits")
    with pytest.raises(FileFormatError, match=r"psf\.fits: extension 'PSF': EDispMap has the axes \['rad', "):
        EDispMap.read(tmp_path / "psf.fits", hdu="PSF")
    content = (tmp_path / "psf.fits").read_bytes()
    (tmp_path / "cut.fits").write_bytes(content[:9000])
    with pytest.raises(FileFormatError, match=r"cut\.fits"):
        PSFMap.read(tmp_path / "cut.fits")
    for call in (make().to_hdulist, lambda format: make().write(tmp_path / "new.fits", format=format)):
        with pytest.raises(InputError, match=r"format is 'ogip': expected 'gadf'"):
            call(format="ogip")
    with pytest.raises(InputError, match=r"format is 'ogip': expected 'gadf'"):
        PSFMap.read(tmp_path / "psf.fits", format="ogip")
    assert not (tmp_path / "new.fits").exists()


def test_damaged_file(tmp_path):
    make().write(tmp_path / "irf.fits", checksum=True)
    content = bytearray((tmp_path / "irf.fits").read_bytes())
    start = content.index(b"EDISP   ")
    position = 2880 * (start // 2880 + 1) + 5
    content[position] ^= 1
    (tmp_path / "bad.fits").write_bytes(content)
    assert EDispKernelMap.read(tmp_path / "irf.fits", checksum=True).matrix().shape == (3, 4)
    with pytest.raises(FileFormatError, match=r"bad\.fits: .*verification failed"):
        EDispKernelMap.read(tmp_path / "bad.fits", checksum=True)


# -- what is refused


def test_bad_maps():
    one, density = make(), make(EDispMap, 0.5)
    with pytest.raises(InputTypeError, match=r"EDispKernelMap is made of a RegionNDMap: got ndarray"):
        EDispKernelMap(MATRIX)
    with pytest.raises(InputError, match=r"has the axes \['migra', 'energy_true'\]: expected \['energy', "):
        EDispKernelMap(density.edisp_map)
    with pytest.raises(InputError, match=r"PSFMap has the axes"):
        PSFMap(one.edisp_map)
    with pytest.raises(InputTypeError, match=r"the exposure of EDispKernelMap is list"):
        EDispKernelMap(one.edisp_map, [1, 2, 3])
    with pytest.raises(InputError, match=r"of EDispKernelMap has the axes .* with \(1, 2\) bins: .* \(1, 3\)"):
        EDispKernelMap(one.edisp_map, one.exposure_map.slice_by_idx({"energy_true": slice(0, 2)}))
    with pytest.raises(InputError, match=r"with \(4, 3\) bins: expected .* with \(1, 3\)"):
        one.exposure_map = one.edisp_map
    with pytest.raises(InputError, match=r"has the axes \['migra', 'energy_true'\]"):
        one.edisp_map = density.edisp_map
    with pytest.raises(InputError, match=r"has the axes \['rad', 'energy_true'\]"):
        density.edisp_map = make(PSFMap, 1).psf_map
    with pytest.raises(InputError, match=r"has the axes \['energy', 'energy_true'\]"):
        make(PSFMap, 1).psf_map = one.edisp_map


def test_repr():
    assert repr(make()) == "EDispKernelMap: 4 energy, 3 energy_true, with exposure"
    assert repr(make(PSFMap, 1, exposure=None)) == "PSFMap: 2 rad, 3 energy_true, without exposure"
