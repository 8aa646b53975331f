"""The contract of every backend, and audio files over it with their clean-up, on a real S3 server."""

from tests.unit.storage import test_cleanup, test_files, test_races, test_store_contract


def _taken(*modules) -> dict[str, object]:
    return {name: test for module in modules for name, test in vars(module).items() if name.startswith("test_")}


globals().update(_taken(test_store_contract, test_files, test_cleanup))
test_of_many_writers_one_outcome_comes = test_races.test_of_many_writers_one_outcome_comes
