import numpy as np
import pytest

from gammafold.utils.errors import (
    FileFormatError,
    InputError,
    InputTypeError,
    MissingPackageError,
    UnitsError,
    UnknownNameError,
)
from gammafold.utils.files import all_or_none, atomic_path, read_yaml, write_yaml
from gammafold.utils.names import make_name
from gammafold.utils.optional import require_package
from gammafold.utils.random import get_random_state
from gammafold.utils.units import to_quantity


def test_seed_gives_the_legacy_numbers():
    expected = np.random.RandomState(42).poisson(3.0, size=5)
    np.testing.assert_array_equal(get_random_state(42).poisson(3.0, size=5), expected)


def test_global_rng_is_numpys():
    np.random.seed(3)
    first = get_random_state("global-rng").poisson(4.0)
    np.random.seed(3)
    assert np.random.poisson(4.0) == first


@pytest.mark.parametrize("bad", ["seed", None, 1.5, True, -1])
def test_bad_random_state(bad):
    with pytest.raises(InputError, match="random_state is"):
        get_random_state(bad)


def test_names_are_unique():
    assert len({make_name() for _ in range(100)}) == 100


@pytest.mark.parametrize("bad", [3, "", b"run", ["run"], np.int64(23523)], ids=repr)
def test_names_are_strings(bad):
    with pytest.raises(InputTypeError, match="expected a string that is not empty"):
        make_name(bad)


def test_a_crash_while_writing_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def write_half():
        with atomic_path(path, overwrite=True) as temporary:
            temporary.write_text("half")
            raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        write_half()
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_several_files_are_replaced_together_or_not_at_all(tmp_path):
    old = {"a.yaml": "a: 0\n", "b.yaml": "b: 0\n"}
    for name, text in old.items():
        (tmp_path / name).write_text(text)

    def write_both(fail):
        with all_or_none():
            write_yaml({"a": 1}, tmp_path / "a.yaml", overwrite=True)
            with all_or_none():
                write_yaml({"b": 1}, tmp_path / "b.yaml", overwrite=True)
            # Nothing has taken its place yet.
            assert {name: (tmp_path / name).read_text() for name in old} == old
            if fail:
                raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        write_both(fail=True)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == old
    write_both(fail=False)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a.yaml": "a: 1\n", "b.yaml": "b: 1\n"}
    # And what is written afterwards does not wait.
    write_yaml({"a": 2}, tmp_path / "a.yaml", overwrite=True)
    assert read_yaml(tmp_path / "a.yaml") == {"a": 2}


def test_what_is_no_name_of_a_file(tmp_path):
    for bad in (3, None):
        with pytest.raises(InputTypeError, match=f"the name of a file is {bad}: expected a string or a path"):
            read_yaml(bad)
    with pytest.raises(InputError, match=f"cannot write {tmp_path}: it is a folder"):
        write_yaml({}, tmp_path, overwrite=True)


def test_overwrite_is_asked_for(tmp_path):
    write_yaml({"a": 1}, tmp_path / "a.yaml")
    with pytest.raises(InputError, match=r"file exists: .*a\.yaml"):
        write_yaml({"a": 2}, tmp_path / "a.yaml")
    write_yaml({"a": 2}, tmp_path / "a.yaml", overwrite=True)
    assert read_yaml(tmp_path / "a.yaml") == {"a": 2}


def test_missing_folder(tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        write_yaml({}, tmp_path / "none" / "a.yaml")


def test_unreadable_yaml(tmp_path):
    (tmp_path / "bad.yaml").write_text("a: [1")
    with pytest.raises(FileFormatError, match=r"bad\.yaml is not a YAML file"):
        read_yaml(tmp_path / "bad.yaml")
    with pytest.raises(FileFormatError, match="cannot read"):
        read_yaml(tmp_path / "none.yaml")


def test_units():
    with pytest.raises(UnitsError, match="energy_min has the unit 'm'"):
        to_quantity("3 m", "TeV", "energy_min")
    with pytest.raises(UnitsError, match="energy_min is 'abc'"):
        to_quantity("abc", "TeV", "energy_min")


def test_unknown_name_prints_its_sentence():
    assert str(UnknownNameError("no model 'x'")) == "no model 'x'"


def test_require_package_names_the_extra():
    require_package("numpy", "jax")
    with pytest.raises(MissingPackageError, match=r"no_such_package is not installed: pip install 'gammafold\[jax\]'"):
        require_package("no_such_package", "jax")
