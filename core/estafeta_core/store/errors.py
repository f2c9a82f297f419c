"""What the store raises. A caller who only wants to know whether it worked catches StoreUnavailable."""


class StoreUnavailable(Exception):  # noqa: N818 - it names a state that passes, not a mistake
    """The rows are not in the store, or nothing could be read; the same may work a moment later."""


class RowsRefused(StoreUnavailable):
    """These rows break a rule of the schema, such as an id used before; other callers are not affected."""


class LeaseLost(StoreUnavailable):
    """Nothing was written: another node does now what these rows belong to."""


class StoreUnfit(StoreUnavailable):
    """The store is there, and Estafeta must not or cannot use it until a person has changed something."""


class SchemaTooNew(StoreUnfit):
    """A later version of Estafeta has changed the store; this one must not touch it."""


class AnswerTooLong(StoreUnavailable):
    """A question took longer than whoever asked will wait; asked for less, the store answers."""
