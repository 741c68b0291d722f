"""Files that exist: no command replaces them unasked, and each says so before it does any work."""

import pytest

COMMANDS = {
    "demo": "demo",
    "fit": "fit pha_obs23523.fits -m power-law -m log-parabola",
    "flux-points": "flux-points pha_obs23523.fits --bins 2",
    "light-curve": "light-curve pha_obs23523.fits --times observations.ecsv",
    "stack": "stack pha_obs23523.fits pha_obs23526.fits --name both",
    "group": "group pha_obs23523.fits pha_obs23526.fits --min-counts 10",
    "group-folder": "group pha_obs23523.fits --optimal --output grouped",
    "convert": "convert pha_obs23523.fits",
    "convert-ogip": "convert pha_obs23523.fits --to ogip",
    "simulate": "simulate pha_obs23523.fits -n 5 --seed 1",
    "coverage": "coverage -n 2",
}


@pytest.mark.parametrize("line", COMMANDS.values(), ids=COMMANDS)
def test_what_was_written_is_kept_unless_said_otherwise(line, crab_folder, run, fails):
    first = run(line)
    assert first.exit_code == 0, first.stderr
    written = [word.removeprefix("wrote ") for word in first.stdout.splitlines() if word.startswith("wrote ")]
    assert written
    before = {name: (crab_folder / name).stat().st_mtime_ns for name in written}
    message = fails(line)
    # Every file is named: none of them is replaced where another one is the first to exist.
    assert message.startswith("gammafold: error: file exists: ")
    assert set(message.split("exists: ")[1].split(" (pass")[0].split(", ")) == set(written)
    assert "(pass --overwrite to replace it)" in message
    assert {name: (crab_folder / name).stat().st_mtime_ns for name in written} == before
    assert run(f"{line} --overwrite").exit_code == 0
    assert all((crab_folder / name).stat().st_mtime_ns > time for name, time in before.items())


@pytest.mark.parametrize("line", ["fit pha_obs*.fits", "stack pha_obs*.fits", "simulate pha_obs*.fits"])
def test_one_file_of_several_is_enough_and_nothing_is_read(line, crab_folder, fails):
    name = line.split()[0]
    (crab_folder / f"gammafold-{name}").mkdir()
    kept = crab_folder / f"gammafold-{name}" / {"fit": "results", "stack": "stacked", "simulate": "ensemble"}[name]
    kept = kept.with_suffix({"fit": ".json", "stack": ".png", "simulate": ".fits"}[name])
    kept.write_text("mine")
    for path in crab_folder.glob("pha_*"):
        path.write_text("not a spectrum")
    assert f"file exists: {kept.relative_to(crab_folder)} (pass --overwrite" in fails(line)
    assert kept.read_text() == "mine"


def test_two_spectra_are_not_grouped_into_one_file(crab_folder, fails):
    (crab_folder / "second").mkdir()
    (crab_folder / "second" / "pha_obs23523.fits").write_bytes((crab_folder / "pha_obs23526.fits").read_bytes())
    message = fails("group pha_obs23523.fits second/pha_obs23523.fits --min-counts 3 --output grouped")
    assert "one file: pha_obs23523.fits, second/pha_obs23523.fits" in message
    assert not (crab_folder / "grouped").exists()
