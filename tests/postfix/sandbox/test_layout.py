from pathlib import Path

from estafeta_core.sockets import PATH_LIMIT, milter
from estafeta_postfix.render.place import Place
from estafeta_postfix.sandbox.layout import Layout


def test_everything_lies_below_one_folder() -> None:
    layout = Layout(Path("/srv/box"))
    names = [name for name, value in vars(Layout).items() if isinstance(value, property)]
    paths = [getattr(layout, name) for name in names]
    assert len(set(paths)) == len(paths) > 10
    assert all(path.is_relative_to("/srv/box") for path in paths)


def test_a_temporary_sandbox_has_room_for_its_sockets() -> None:
    layout = Layout(Path("/tmp/estafeta-12345678"))
    assert len(str(milter(layout.sockets))) < PATH_LIMIT / 2


def test_the_queue_is_where_the_instance_has_it() -> None:
    layout = Layout(Path("/srv/box"))
    place = Place(
        root=layout.postfix,
        intake_host="127.0.0.1",
        intake_port=25,
        delivery_port=10026,
        tls_chain=layout.tls_chain,
        relayhost="[127.0.0.1]:10025",
    )
    assert layout.queue == place.queue_directory
