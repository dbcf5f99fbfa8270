"""A private Postfix, which takes mail for example.com into maildirs and sends nothing anywhere."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from .housed import HousedServer
from .mailboxes import Mailboxes
from .places import TLS, Program, Unpacked, free_ports, open_directory

PACKAGE = Unpacked("postfix")

USER = "mail"
"""Postfix gives root's rights up for a user of its own; this one every Debian has."""

USERS = {"ann@example.com": "pa ss word", "jürgen@example.com": "pässwörd"}

EXTENSIONS = "pipelining, chunking, 8bitmime, smtputf8, size, dsn, enhancedstatuscodes"

SERVICES: dict[str, Mapping[str, str]] = {
    "greylist": {"smtpd_recipient_restrictions": "check_policy_service $greylist, permit"},
    "plain": {"smtpd_tls_security_level": "none"},
    "pipelining": {"smtpd_discard_ehlo_keywords": "chunking"},
    "basic": {"smtpd_discard_ehlo_keywords": EXTENSIONS},
    "starttls": {"smtpd_tls_security_level": "encrypt", "smtpd_sasl_auth_enable": "yes"},
    "tls": {"smtpd_tls_wrappermode": "yes", "smtpd_sasl_auth_enable": "yes"},
    "wrong_host": {"smtpd_tls_chain_files": str(TLS / "wrong-host.pem")},
    "wrong_host_tls": {
        "smtpd_tls_chain_files": str(TLS / "wrong-host.pem"),
        "smtpd_tls_wrappermode": "yes",
    },
    "auth": {"smtpd_sasl_auth_enable": "yes", "smtpd_recipient_restrictions": "$auth_required"},
    "hundred": {"smtpd_recipient_limit": "100", "smtpd_recipient_overshoot_limit": "2000"},
}
"""What each port does. All but `basic` offer all that Postfix has, if nothing else is said."""

MASTER = """\
pickup    unix  n - n 60 1 pickup
cleanup   unix  n - n - 0 cleanup
qmgr      unix  n - n 300 1 qmgr
rewrite   unix  - - n - - trivial-rewrite
bounce    unix  - - n - 0 bounce
defer     unix  - - n - 0 bounce
trace     unix  - - n - 0 bounce
verify    unix  - - n - 1 verify
proxymap  unix  - - n - - proxymap
tlsmgr    unix  - - n 1000? 1 tlsmgr
anvil     unix  - - n - 1 anvil
error     unix  - - n - - error
retry     unix  - - n - - error
discard   unix  - - n - - discard
relay     unix  - - n - - smtp
virtual   unix  - n n - - virtual
    -o virtual_mailbox_maps=static:all/
postlog   unix-dgram n - n - 1 postlogd
"""

QUEUES = (
    "active bounce corrupt defer deferred flush hold incoming maildrop private public saved trace"
)


class Postfix(HousedServer):
    """Postfix in a directory of its own: `with Postfix() as postfix: postfix.ports["plain"]`.

    It takes mail for `box-...@example.com` and two domains that aren't ASCII; any other user is
    refused (550), as is any other domain (554). Users that begin with `grey` are told to come
    again (450), forever; those of the service `greylist` ask the policy server at that address.
    A mail over 1 MB is too big. What is for `relayed.example` goes to the server at `relay`, like
    "127.0.0.1:2525", if there is one.
    """

    house = "postfix"

    def __init__(self, *, greylist: str = "", relay: str = "") -> None:
        self.ports = free_ports(SERVICES)
        self.size_limit = 1_000_000
        self.greylist = greylist
        self.relay = relay
        self._boxes = Mailboxes("boxes/all/new/*")

    @staticmethod
    def missing() -> str:
        """Why it can't be started here, or nothing."""
        return PACKAGE.missing()

    def start(self) -> None:
        """Listen, on the same ports as before if this is a restart."""
        master = PACKAGE.root / "usr/lib/postfix/sbin/master"
        config = self.directory / "etc"
        log = self.directory / "master.log"
        environment = {**self._environment, "MAIL_CONFIG": str(config)}
        self._program = Program([master, "-c", config, "-d"], log, environment)
        # It opens them in this order.
        self._program.wait_until_listening([*self.ports.values()][-1])

    def sendmail(self) -> tuple[dict[str, object], dict[str, str]]:
        """Options for the `sendmail` backend with Postfix's own, and its environment."""
        arguments = ["-C", str(self.directory / "etc")]
        program = {"program": PACKAGE.root / "usr/sbin/sendmail", "arguments": arguments}
        return program, self._environment

    def log(self) -> str:
        """What it logged so far."""
        return (self.directory / "mail.log").read_text(errors="replace")

    def sessions(self, port: str) -> int:
        """How many sessions clients opened on a port so far."""
        connects = rf"postfix/{port}/smtpd\[\d+\]: connect from "
        return len(re.findall(connects, self.log()))

    def _configure(self) -> None:
        self._environment = PACKAGE.environment()
        for name in ("etc/sasl", "boxes", "data", "queue"):
            (self.directory / name).mkdir(parents=True)
        for name in ("boxes", "data"):
            shutil.chown(self.directory / name, USER, USER)
        for name in [*QUEUES.split(), "pid"]:
            path = self.directory / "queue" / name
            path.mkdir(mode=0o710 if name == "public" else 0o700)
            shutil.chown(path, "root" if name == "pid" else USER)
        (self.directory / "mail.log").touch()
        self._write("etc/main.cf", _settings(self._main()))
        self._write("etc/master.cf", MASTER + "".join(self._listeners()))
        self._write("etc/users", "/^(box-|many|grey)/ all/\n")
        self._write("etc/later", "/^grey/ 450 4.2.0 Greylisted, come again later\n")
        self._write("etc/sasl/smtpd.conf", _settings(self._sasl(), ": "))
        self._add_users()

    def _main(self) -> dict[str, object]:
        root, here = PACKAGE.root, self.directory
        return {
            "compatibility_level": "3.6",
            "command_directory": root / "usr/sbin",
            "daemon_directory": root / "usr/lib/postfix/sbin",
            "shlib_directory": root / "usr/lib/postfix",
            "meta_directory": here / "etc",
            "queue_directory": here / "queue",
            "data_directory": here / "data",
            "maillog_file": here / "mail.log",
            "maillog_file_prefixes": here,
            "mail_owner": USER,
            "setgid_group": "daemon",
            "import_environment": self._libraries(),
            "export_environment": self._libraries(),  # from sendmail to postdrop
            "inet_interfaces": "127.0.0.1",
            "inet_protocols": "ipv4",
            "myhostname": "mx.example.com",
            "mydestination": "",
            "mynetworks": "127.0.0.0/8",
            "local_recipient_maps": "",
            "alias_maps": "",
            "alias_database": "",
            "default_transport": "error:nothing leaves this machine",
            "relay_domains": "relayed.example" if self.relay else "",
            "relay_transport": self._relay_transport(),
            "local_transport": "error:nobody lives here",
            "smtp_dns_support_level": "disabled",
            "virtual_minimum_uid": 1,
            "virtual_mailbox_domains": "example.com, bücher.example, xn--bcher-kva.example",
            "virtual_mailbox_base": here / "boxes",
            "virtual_mailbox_maps": f"regexp:{here}/etc/users",
            "virtual_uid_maps": f"static:{_identity()[0]}",
            "virtual_gid_maps": f"static:{_identity()[1]}",
            "message_size_limit": self.size_limit,
            "smtputf8_enable": "yes",
            "queue_run_delay": "1s",
            "minimal_backoff_time": "1s",
            "maximal_backoff_time": "2s",
            "smtpd_relay_restrictions": "reject_unauth_destination",
            "smtpd_recipient_restrictions": f"check_recipient_access regexp:{here}/etc/later",
            "smtpd_delay_reject": "yes",
            "smtpd_error_sleep_time": 0,
            "smtpd_hard_error_limit": 2000,
            "smtpd_soft_error_limit": 2000,
            "smtpd_tls_chain_files": TLS / "server.pem",
            "smtpd_tls_security_level": "may",
            "smtpd_sasl_type": "cyrus",
            "smtpd_sasl_path": "smtpd",
            "smtpd_sasl_security_options": "noanonymous",
            "auth_required": "permit_sasl_authenticated, reject",
            "greylist": f"inet:{self.greylist}",
        }

    def _libraries(self) -> str:
        """What programs must have in their environment that Postfix's programs call."""
        given = (f"{name}={text}" for name, text in self._environment.items() if name != "PATH")
        return " ".join(["MAIL_CONFIG", *given])

    def _relay_transport(self) -> str:
        host, _, port = self.relay.rpartition(":")
        return f"relay:[{host}]:{port}" if self.relay else "error:nothing leaves this machine"

    def _listeners(self) -> Iterator[str]:
        for name, options in SERVICES.items():
            if name == "greylist" and not self.greylist:
                continue
            yield f"127.0.0.1:{self.ports[name]} inet n - n - - smtpd\n"
            for key, value in {"syslog_name": f"postfix/{name}", **options}.items():
                yield f"    -o {{ {key} = {value} }}\n"

    def _sasl(self) -> dict[str, object]:
        # Debian's Postfix looks for this in sasl/ beside main.cf, whatever
        # cyrus_sasl_config_path says.
        return {
            "pwcheck_method": "auxprop",
            "auxprop_plugin": "sasldb",
            "sasldb_path": self.directory / "etc/sasldb2",
            "mech_list": "PLAIN LOGIN CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-256",
        }

    def _add_users(self) -> None:
        database = self.directory / "etc/sasldb2"
        for username, password in USERS.items():
            user, _, realm = username.partition("@")
            subprocess.run(
                ["saslpasswd2", "-c", "-p", "-f", str(database), "-u", realm, user],
                input=password.encode(),
                env={**self._environment},
                check=True,
            )
        shutil.chown(database, USER)

    def _write(self, name: str, text: str) -> None:
        path = self.directory / name
        path.write_text(text, encoding="utf-8")
        # Postfix waits until a file is a second old before it believes it.
        os.utime(path, (0, 0))


def _settings(values: Mapping[str, object], separator: str = " = ") -> str:
    return "".join(f"{name}{separator}{value}\n" for name, value in values.items())


def _identity() -> tuple[int, int]:
    import pwd

    entry = pwd.getpwnam(USER)
    return entry.pw_uid, entry.pw_gid


@contextmanager
def smtp_sink(*options: str) -> Iterator[int]:
    """Postfix's smtp-sink, which takes every mail and keeps none, on the port this yields.

    It offers PIPELINING, 8BITMIME and more, unless options say otherwise, but no CHUNKING
    (https://www.postfix.org/smtp-sink.1.html).
    """
    [port] = free_ports(["sink"]).values()
    with open_directory("sink") as directory:
        options = ("-u", USER, *options, f"127.0.0.1:{port}", "1000")
        command = [PACKAGE.root / "usr/sbin/smtp-sink", *options]
        program = Program(command, directory / "log", PACKAGE.environment())
        try:
            program.wait_until_listening(port)
            yield port
        finally:
            program.stop([port])
