from simplemail.backends.dummy import EmailBackend
from simplemail.testing.contract import BackendContract


class TestDummy(BackendContract):
    def make(self, **options):
        return EmailBackend(**options)
