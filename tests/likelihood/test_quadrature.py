import numpy as np
import pytest
from scipy.integrate import quad

from gammafold.likelihood.quadrature import BinQuadrature, MovingQuadrature, nodes_needed, split_edges

AXES = {
    "fine": np.geomspace(0.01, 300, 220),
    "coarse": np.geomspace(0.1, 100, 7),
    "uneven": np.array([0.01, 0.02, 0.021, 0.5, 10.0, 10.01, 400.0]),
}


@pytest.mark.parametrize("edges", AXES.values(), ids=AXES)
@pytest.mark.parametrize("index", [0.0, 1.0, 2.0, 3.3, 6.0])
def test_power_laws_are_right_to_1e_8(edges, index):
    quadrature = BinQuadrature(edges)
    found = quadrature.integrate(quadrature.energy**-index)
    low, high = edges[:-1], edges[1:]
    exact = np.log(high / low) if index == 1 else (high ** (1 - index) - low ** (1 - index)) / (1 - index)
    np.testing.assert_allclose(found, exact, rtol=1e-8)


@pytest.mark.parametrize("edges", AXES.values(), ids=AXES)
def test_log_parabola_is_right_to_1e_8(edges):
    def flux(energy):
        return energy ** (-2.3 - 0.25 * np.log(energy))

    quadrature = BinQuadrature(edges)
    found = quadrature.integrate(flux(quadrature.energy))
    exact = [quad(flux, a, b, epsabs=0, epsrel=1e-11)[0] for a, b in zip(edges[:-1], edges[1:], strict=True)]
    np.testing.assert_allclose(found, exact, rtol=1e-8)


def test_a_batch_is_integrated_row_by_row():
    quadrature = BinQuadrature(np.geomspace(1, 10, 6))
    index = np.array([[1.5], [2.5]])
    batch = quadrature.integrate(quadrature.energy**-index)
    assert batch.shape == (2, 5)
    np.testing.assert_array_equal(batch[1], quadrature.integrate(quadrature.energy**-2.5))


def test_a_step_at_a_fixed_break_is_exact():
    edges = np.array([1.0, 2.0, 4.0])
    quadrature = BinQuadrature(edges, breaks=(3.0,))
    found = quadrature.integrate(np.where(quadrature.energy < 3.0, 1.0, 5.0))
    np.testing.assert_allclose(found, [1.0, 1.0 + 5.0], rtol=1e-12)


@pytest.mark.parametrize("energy_break", [0.5, 1.0, 1.7, 2.0, 3.9, 9.0])
def test_a_moving_break_is_exact(energy_break):
    def flux(energy, where):
        return np.where(energy < where, (energy / where) ** -1.5, (energy / where) ** -3.5)

    edges = np.geomspace(1.0, 8.0, 4)
    quadrature = MovingQuadrature(edges)
    found = quadrature.integrate(flux, (energy_break,), (energy_break,))
    column = np.array([[energy_break], [2.2]])
    batch = quadrature.integrate(flux, (column,), (column,))
    exact = [
        quad(flux, a, b, args=(energy_break,), points=[min(max(energy_break, a), b)], epsabs=0, epsrel=1e-12)[0]
        for a, b in zip(edges[:-1], edges[1:], strict=True)
    ]
    np.testing.assert_allclose(found, exact, rtol=1e-9)
    np.testing.assert_allclose(batch[0], found, rtol=1e-14)


def test_pieces_keep_the_edges_of_the_bins():
    edges = np.array([1.0, 1.1, 100.0])
    pieces, starts = split_edges(edges, (5.0, 1.1, 1000.0))
    assert set(edges) <= set(pieces)
    assert 5.0 in pieces
    np.testing.assert_array_equal(pieces[starts], edges[:-1])
    assert np.diff(np.log(pieces)).max() <= np.log(2) * (1 + 1e-12)


def test_wider_bins_need_more_nodes():
    counts = [nodes_needed(width) for width in (0.01, 0.05, 0.2, 0.7)]
    assert counts == sorted(counts)
    assert counts[0] < counts[-1]
