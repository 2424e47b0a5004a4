"""What can go wrong with what is remembered."""


class StorageError(Exception):
    """Base of everything this folder raises on purpose."""


class NotFound(StorageError):
    """The id names nothing; the message says which list shows what exists."""


class StaleState(StorageError):
    """Someone else decided first, or the row is no longer in a state that allows this."""


class Refused(StorageError):
    """The change would break a rule of the registry: a duplicate, a work still in use."""


class SchemaOutdated(StorageError):
    """The database is of another version than the program; the message says which command mends it."""


class DatabaseAway(StorageError):
    """The database does not answer, or refuses us."""


class LeaseLost(StorageError):
    """Another process does this unit of work by now; what this one still wanted to write is refused."""


class StoreAway(StorageError):
    """The object store that holds the files does not answer, or refuses us."""
