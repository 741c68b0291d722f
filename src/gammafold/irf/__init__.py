"""Instrument responses on regions: energy dispersion, and the point spread function that is carried along."""

from gammafold.irf.edisp_kernel import EDispKernel
from gammafold.irf.edisp_map import EDispKernelMap, EDispMap
from gammafold.irf.psf_map import PSFMap

__all__ = ["EDispKernel", "EDispKernelMap", "EDispMap", "PSFMap"]
