"""NUTS: Hamiltonian Monte Carlo on the likelihood in JAX."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gammafold.sampling.posterior import Posterior
from gammafold.sampling.result import Draws
from gammafold.utils.errors import InputError
from gammafold.utils.optional import require_package

__all__ = ["run_nuts"]

Array = NDArray[np.float64]

# Split chains that agree this well have converged (Vehtari et al. 2021, Bayesian Anal. 16, 667).
_CONVERGED = 1.01


def run_nuts(
    posterior: Posterior,
    seed: np.random.SeedSequence,
    progress: bool = True,
    n_chains: int = 4,
    n_samples: int = 1000,
    n_warmup: int = 500,
    target_accept: float = 0.8,
) -> Draws:
    """Sample by the no-U-turn sampler (Hoffman & Gelman 2014, JMLR 15, 1593) of numpyro.

    Parameters with limits are sampled on an unlimited scale, with the Jacobian of the change. All chains run in one
    vectorised program, in 64 bits.

    Parameters
    ----------
    posterior : Posterior
        What is sampled.
    seed : `numpy.random.SeedSequence`
        Seed.
    progress : bool
        Whether to show numpyro's progress bar.
    n_chains, n_samples, n_warmup : int
        Chains, samples of each that are kept, and steps of adaptation before. Defaults: 4, 1000 and 500.
    target_accept : float
        Wanted acceptance. Default: 0.8.

    Raises
    ------
    MissingPackageError
        If JAX or numpyro is not installed.
    InputError
        If a number makes no sense, or a model's formula takes no JAX arrays.
    """
    require_package("jax", "jax")
    require_package("numpyro", "jax")
    for name, value in (("n_chains", n_chains), ("n_samples", n_samples), ("n_warmup", n_warmup)):
        if value < 1:
            raise InputError(f"{name} is {value}: expected 1 or more")
    if not 0 < target_accept < 1:
        raise InputError(f"target_accept is {target_accept}: expected a number between 0 and 1")
    import jax
    from numpyro.infer import MCMC, NUTS

    with jax.enable_x64(True):
        scale = _Unlimited(posterior)
        function = posterior.likelihood.to_jax().function

        def potential(z: Any) -> Any:
            theta, log_jacobian = scale.limited(z)
            return 0.5 * function(theta) - log_jacobian

        random = np.random.Generator(np.random.PCG64(seed))
        start = scale.start(posterior, random, n_chains)
        kernel = NUTS(potential_fn=potential, dense_mass=True, target_accept_prob=target_accept)
        chains = MCMC(
            kernel,
            num_warmup=n_warmup,
            num_samples=n_samples,
            num_chains=n_chains,
            chain_method="vectorized",
            progress_bar=progress,
        )
        key = jax.random.PRNGKey(int(seed.generate_state(1)[0]))
        chains.run(key, init_params=start if n_chains > 1 else start[0], extra_fields=("diverging", "accept_prob"))
        z = chains.get_samples(group_by_chain=True)
        theta = np.asarray(jax.vmap(jax.vmap(lambda one: scale.limited(one)[0]))(z))
        extra = {name: np.asarray(value) for name, value in chains.get_extra_fields().items()}
    return _draws(posterior, theta, extra)


class _Unlimited:
    """A scale of numbers of order one without limits, z (p,), for parameters with limits.

    Without limits ``theta = mode + error z``. With one, ``theta`` is the limit plus or minus ``error exp(z)``; between
    two, it is the lower plus their distance times the logistic function of ``z``.
    """

    def __init__(self, posterior: Posterior) -> None:
        mode, covariance = posterior.start()
        self.covariance = covariance
        lower, upper = np.asarray(posterior.likelihood.lower), np.asarray(posterior.likelihood.upper)
        self.has_lower, self.has_upper = np.isfinite(lower), np.isfinite(upper)
        self.error = np.sqrt(np.diagonal(covariance))
        self.lower, self.upper = np.where(self.has_lower, lower, 0.0), np.where(self.has_upper, upper, 0.0)
        both = self.has_lower & self.has_upper
        self.width = np.where(both, self.upper - self.lower, 1.0)
        # A mode on a limit has no place on this scale: start a little inside.
        inset = np.where(both, np.minimum(0.1 * self.error, 0.01 * self.width), 0.1 * self.error)
        low = np.where(self.has_lower, self.lower + inset, -np.inf)
        self.mode = np.clip(mode, low, np.where(self.has_upper, self.upper - inset, np.inf))

    def limited(self, z: Any) -> tuple[Any, Any]:
        """Return theta (p,) and the logarithm of the Jacobian ()."""
        import jax.numpy as jnp
        from jax.nn import log_sigmoid, sigmoid

        both, low, high = self.has_lower & self.has_upper, self.has_lower, self.has_upper
        # The exponential of a number that is not used must not overflow.
        grown = self.error * jnp.exp(jnp.where(low ^ high, z, 0.0))
        free = self.mode + self.error * z
        one = jnp.where(low, self.lower + grown, self.upper - grown)
        between = self.lower + self.width * sigmoid(z)
        theta = jnp.where(both, between, jnp.where(low | high, one, free))
        log_jacobian = jnp.where(both, log_sigmoid(z) + log_sigmoid(-z), jnp.where(low | high, z, 0.0))
        return theta, log_jacobian.sum()

    def unlimited(self, theta: Array) -> Array:
        """Return z for theta (..., p) inside the limits."""
        both, low, high = self.has_lower & self.has_upper, self.has_lower, self.has_upper
        with np.errstate(all="ignore"):
            share = (theta - self.lower) / self.width
            one = np.log(np.where(low, theta - self.lower, self.upper - theta) / self.error)
            logit = np.log(share) - np.log1p(-share)
        return np.where(both, logit, np.where(low | high, one, (theta - self.mode) / self.error))

    def start(self, posterior: Posterior, random: np.random.Generator, n_chains: int) -> Array:
        """Return a place (n_chains, p) for each chain, near the mode."""
        z = self.unlimited(self.mode)
        places = z + 0.1 * random.standard_normal((n_chains, len(z)))
        return np.where(np.isfinite(places), places, 0.0)


def _draws(posterior: Posterior, theta: Array, extra: dict[str, Array]) -> Draws:
    from numpyro.diagnostics import effective_sample_size, split_gelman_rubin

    samples = theta.reshape(-1, theta.shape[-1])
    r_hat = np.atleast_1d(split_gelman_rubin(theta)) if theta.shape[1] > 3 else np.full(theta.shape[-1], np.nan)
    divergent = int(extra["diverging"].sum())
    said = []
    if not (r_hat < _CONVERGED).all():
        worst = posterior.labels[int(np.argmax(np.nan_to_num(r_hat, nan=np.inf)))]
        said.append(
            f"the chains disagree: r_hat of {worst!r} is {np.max(r_hat):.3f}, {_CONVERGED} would do; raise n_samples"
        )
    if divergent:
        said.append(f"{divergent} of {len(samples)} steps diverged: raise target_accept, or check limits and priors")
    diagnostics = {
        "acceptance": float(extra["accept_prob"].mean()),
        "n_divergent": divergent,
        "r_hat": [float(value) for value in r_hat],
        "n_eff": [float(value) for value in np.atleast_1d(effective_sample_size(theta))],
        "n_chains": int(theta.shape[0]),
    }
    return Draws(samples, posterior.log_prob(samples), diagnostics, warnings=said)
