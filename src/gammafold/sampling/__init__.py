"""Bayesian sampling: posteriors by emcee and NUTS, evidences by nested sampling."""

from gammafold.sampling.result import SamplingResult
from gammafold.sampling.sampler import Sampler

__all__ = ["Sampler", "SamplingResult"]
