import pytest

from gammafold.samples import sample_files, sample_names
from gammafold.utils.errors import UnknownNameError


def test_every_sample_has_its_licence_and_its_files():
    for name in sample_names():
        files = sample_files(name)
        assert files
        assert (files[0].parent / "LICENSE").read_text().startswith("BSD 3-Clause")
        for pha in files:
            for kind in ("arf", "rmf", "bkg"):
                assert pha.with_name(pha.name.replace("pha", kind)).is_file()


def test_unknown_sample():
    with pytest.raises(UnknownNameError, match=r"no sample 'vela': there are \['crab-hess'\]"):
        sample_files("vela")
