"""A private Dovecot, which takes mail by LMTP (RFC 2033) into maildirs."""

from __future__ import annotations

import pwd
import shutil
from email import message_from_bytes
from pathlib import Path

from .housed import HousedServer
from .mailboxes import Mail, Mailboxes
from .places import Program, Unpacked, free_ports

PACKAGE = Unpacked("dovecot")

MODULES = Path("/usr/lib/dovecot")
"""Where it looks for its parts, whatever its configuration says."""

USER = "mail"

CONFIG = """\
base_dir = {here}/run
state_dir = {here}/state
libexec_dir = {root}/usr/lib/dovecot
mail_plugin_dir = {root}/usr/lib/dovecot/modules
import_environment = TZ LD_LIBRARY_PATH
log_path = {here}/log
instance_name = simplemail
default_internal_user = {user}
default_internal_group = {user}
default_login_user = nobody
first_valid_uid = 1
protocols = lmtp
ssl = no
hostname = mx.example.com
postmaster_address = postmaster@example.com
mail_location = maildir:{here}/mail/%n
service lmtp {{
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {lmtp}
  }}
}}
protocol lmtp {{
  mail_plugins = quota
}}
plugin {{
  quota = maildir:User quota
  quota_rule = *:storage=100M
}}
passdb {{
  driver = static
  args = nopassword=y
}}
userdb {{
  driver = passwd-file
  args = username_format=%u {here}/users
}}
"""

USERS = """\
ann@example.com::{uid}:{gid}::{here}/mail/ann::
bob@example.com::{uid}:{gid}::{here}/mail/bob::
full@example.com::{uid}:{gid}::{here}/mail/full::userdb_quota_rule=*:bytes=1
"""


class Dovecot(HousedServer):
    """Dovecot in a directory of its own: `with Dovecot() as dovecot: dovecot.ports["lmtp"]`.

    It takes mail for ann@, bob@ and full@example.com. After the content, it refuses it for full,
    whose quota is used up, and only for full.
    """

    house = "dovecot"

    def __init__(self) -> None:
        self.ports = free_ports(["lmtp"])
        self._boxes = Mailboxes("mail/*/new/*", _read)

    @staticmethod
    def missing() -> str:
        """Why it can't be started here, or nothing."""
        if not PACKAGE.missing() and MODULES.resolve() != PACKAGE.root / "usr/lib/dovecot":
            return f"{MODULES} belongs to another Dovecot, whose parts don't fit"
        return PACKAGE.missing()

    def start(self) -> None:
        """Listen, on the same ports as before if this is a restart."""
        config = self.directory / "dovecot.conf"
        # By itself it would look for doveconf in /usr/bin.
        reader = [PACKAGE.root / "usr/bin/doveconf", "-c", config, "-f", "service=master", "-e"]
        command = [*reader, PACKAGE.root / "usr/sbin/dovecot", "-F", "-c", config]
        self._program = Program(command, self.directory / "said", PACKAGE.environment())
        self._program.wait_until_listening(self.ports["lmtp"])

    def sessions(self) -> int:
        """How many sessions clients opened so far."""
        return (self.directory / "log").read_text().count(": Connect from")

    def _configure(self) -> None:
        boxes = self.directory / "mail"
        boxes.mkdir()
        shutil.chown(boxes, USER, USER)
        entry = pwd.getpwnam(USER)
        places = {"here": self.directory, "root": PACKAGE.root, "user": USER}
        config = CONFIG.format(**places, **self.ports)
        (self.directory / "dovecot.conf").write_text(config, encoding="utf-8")
        users = USERS.format(here=self.directory, uid=entry.pw_uid, gid=entry.pw_gid)
        (self.directory / "users").write_text(users, encoding="utf-8")


def _read(path: Path) -> Mail:
    content = path.read_bytes()
    head = message_from_bytes(content)
    return Mail((str(head["Delivered-To"]),), str(head["Return-Path"]).strip("<>"), content)
