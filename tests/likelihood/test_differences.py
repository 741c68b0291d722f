import numpy as np
import pytest

from gammafold.likelihood.differences import difference_steps, differentiate


@pytest.mark.parametrize(("value", "scale"), [(2.0, 1.0), (1e-11, 1e-11), (0.0, 1.0), (-300.0, 1.0)])
def test_fourth_order_differences_of_an_exponential(value, scale):
    values = np.array([[value]])
    steps = difference_steps(values, np.array([scale]))
    found = differentiate(lambda x: np.exp(x / scale / 100) * np.ones(3), values, np.array([0]), steps)
    np.testing.assert_allclose(found, np.exp(value / scale / 100) / scale / 100, rtol=1e-9)
    assert found.shape == (1, 1, 3)


def test_each_row_of_a_batch_has_its_own_derivatives():
    values = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    found = differentiate(lambda a, b: a**3 * b, values, np.array([1, 0]), np.full((3, 2), 1e-3))
    np.testing.assert_allclose(found[0, :, 0], values[:, 0] ** 3, rtol=1e-10)
    np.testing.assert_allclose(found[1, :, 0], 3 * values[:, 0] ** 2 * values[:, 1], rtol=1e-10)
