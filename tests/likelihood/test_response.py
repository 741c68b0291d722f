import numpy as np
import pytest

from gammafold.likelihood.response import Response


@pytest.mark.parametrize("width", [600, 3])
def test_dense_and_sparse_fold_alike(width):
    rng = np.random.default_rng(3)
    matrix = rng.random((600, 500))
    distance = np.abs(np.subtract.outer(np.arange(600), np.arange(500)))
    matrix[distance > width] = 0
    response = Response(matrix)
    assert response.is_sparse == (width == 3)
    batch = rng.random((4, 500))
    np.testing.assert_allclose(response.fold(batch), batch @ matrix.T, rtol=1e-13)
    np.testing.assert_allclose(response.fold(batch[0]), matrix @ batch[0], rtol=1e-13)
    stacked = rng.random((2, 3, 600))
    np.testing.assert_allclose(response.unfold(stacked), stacked @ matrix, rtol=1e-13)
    np.testing.assert_allclose(response.unfold(stacked[0, 0]), stacked[0, 0] @ matrix, rtol=1e-13)
