from backends.contract import BackendContract
from simplemail.backends.dummy import EmailBackend


class TestDummy(BackendContract):
    def make(self, **options):
        return EmailBackend(**options)
