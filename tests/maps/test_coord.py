import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from numpy.testing import assert_allclose, assert_array_equal

from gammafold.maps.coord import MapCoord
from gammafold.utils.errors import InputError, UnknownNameError

POSITION = SkyCoord([83.63, 84], [22.01, 22], unit="deg")


def test_from_a_dict_a_tuple_and_a_position():
    by_name = MapCoord.create({"skycoord": POSITION, "energy": [[1], [2], [3]] * u.TeV})
    assert by_name.shape == (3, 2)
    assert (by_name.ndim, by_name.size) == (3, 6)
    assert by_name.axis_names == ["energy"]
    by_place = MapCoord.create((POSITION, [1, 2] * u.TeV), axis_names=["energy"])
    assert_array_equal(by_place["energy"], [1, 2] * u.TeV)
    numbers = MapCoord.create((83.63, 22.01, 5.0))
    assert numbers.skycoord.separation(POSITION[0]).deg < 1e-9
    assert numbers["axis0"] == numbers[2] == 5.0
    assert MapCoord.create(numbers) is numbers
    assert_allclose(MapCoord.create(POSITION).lon.deg, [83.63, 84])


def test_frames():
    galactic = MapCoord.create({"skycoord": POSITION}, frame="galactic")
    assert_allclose(galactic.lon.deg, POSITION.galactic.l.deg)
    assert_allclose(galactic.to_frame("icrs").lat.deg, [22.01, 22])
    assert_allclose(MapCoord.create(galactic, frame="icrs").lon.deg, [83.63, 84])


def test_shapes():
    coords = MapCoord.create({"skycoord": POSITION, "energy": [[1], [2], [3]] * u.TeV})
    assert coords.broadcasted["energy"].shape == (3, 2)
    assert coords.flat["lon"].shape == (6,)
    masked = coords.apply_mask(np.array([[True, False], [False, False], [False, True]]))
    assert_array_equal(masked["energy"], [1, 3] * u.TeV)
    copy = coords.copy()
    copy["energy"][0] = 9 * u.TeV
    assert coords["energy"][0, 0] == 1 * u.TeV
    assert [np.shape(values) for values in coords] == [(2,), (2,), (3, 1)]
    assert "shape=(3, 2)" in repr(coords)


def test_membership():
    coords = MapCoord.create({"energy": 1 * u.TeV})
    assert "energy" in coords
    assert "skycoord" not in coords
    assert "skycoord" in MapCoord.create(POSITION)


@pytest.mark.parametrize(
    ("make", "error", "match"),
    [
        (lambda: MapCoord({"lon": 1}), InputError, "need both 'lon' and 'lat', or neither"),
        (lambda: MapCoord({"a": 1})["b"], UnknownNameError, r"no coordinate 'b': there are \['a'\]"),
        (
            lambda: MapCoord.create((POSITION, 1, 2), axis_names=["energy"]),
            InputError,
            r"got 2 coordinates for the axes \['energy'\]",
        ),
    ],
)
def test_bad_coordinates(make, error, match):
    with pytest.raises(error, match=match):
        make()
