from estafeta_postfix.render.place import Place


def test_the_directories_of_an_instance_are_apart_and_below_its_root(place: Place) -> None:
    directories = {place.config_directory, place.queue_directory, place.data_directory}
    assert len(directories) == 3
    assert {directory.parent for directory in directories} == {place.root}
