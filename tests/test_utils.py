import simplemail
from simplemail.utils import DNS_NAME, CachedDnsName


def test_the_host_name_is_found_where_django_has_it():
    assert DNS_NAME is simplemail.DNS_NAME
    assert isinstance(DNS_NAME, CachedDnsName)
    assert str(DNS_NAME) == DNS_NAME.get_fqdn()
