"""A private Exim, which takes mail for example.com into a maildir and sends nothing anywhere."""

from __future__ import annotations

import pwd
import re
import shutil
from pathlib import Path

from .housed import HousedServer
from .mailboxes import Mailboxes
from .places import TLS, Program, Unpacked, free_ports

PACKAGE = Unpacked("exim")

USER = "mail"

USERNAME, PASSWORD = "ann@example.com", "pa ss word"

PORTS = ("plain", "pipelining", "basic", "starttls", "tls", "auth", "wrong_host", "wrong_host_tls")

CONFIG = """\
primary_hostname = mx.example.com
exim_user = mail
exim_group = mail
exim_path = {root}/usr/sbin/exim4
keep_environment = LD_LIBRARY_PATH : LD_PRELOAD : NSS_WRAPPER_PASSWD : NSS_WRAPPER_GROUP
spool_directory = {here}/spool
log_selector = +smtp_connection +incoming_interface
log_file_path = {here}/log/%slog
pid_file_path = {here}/exim.pid
deliver_drop_privilege
rfc1413_query_timeout = 0s
host_lookup =
queue_only = false
smtp_accept_max = 100
smtp_accept_max_per_connection = {session_limit}
message_size_limit = {size_limit}
recipients_max = 2000
smtp_max_unknown_commands = 10
local_interfaces = 127.0.0.1
daemon_smtp_ports = {all_ports}
tls_on_connect_ports = {tls} : {wrong_host_tls}
tls_advertise_hosts = ${{if inlist{{$received_port}}{{{plain}:{basic}}}{{}}{{*}}}}
tls_certificate = {tls_dir}/${{if inlist{{$received_port}}{{{wrong_host}:{wrong_host_tls}}}\
  {{wrong-host.pem}}{{server.pem}}}}
chunking_advertise_hosts = ${{if inlist{{$received_port}}{{{pipelining}:{basic}}}{{}}{{*}}}}
pipelining_advertise_hosts = ${{if inlist{{$received_port}}{{{basic}}}{{}}{{*}}}}
smtputf8_advertise_hosts = ${{if inlist{{$received_port}}{{{basic}}}{{}}{{*}}}}
dsn_advertise_hosts = *
prdr_enable
domainlist ours = example.com : xn--bcher-kva.example : b\\xc3\\xbccher.example
acl_smtp_mail = check_mail
acl_smtp_rcpt = check_rcpt

begin acl
check_mail:
  deny condition = ${{if inlist{{$received_port}}{{{auth}:{starttls}:{tls}}}}}
       !authenticated = *
       message = 5.7.0 Authentication required
  accept
check_rcpt:
  deny !domains = +ours
       message = 5.7.1 Relaying denied
  defer local_parts = ^grey
        message = 4.2.0 Greylisted, come again later
  deny !local_parts = ^box- : ^many
       message = 5.1.1 No such user here
  accept

begin routers
many:
  driver = accept
  domains = +ours
  local_parts = ^many
  transport = many
ours:
  driver = accept
  domains = +ours
  transport = box

begin transports
box:
  driver = appendfile
  directory = {here}/boxes
  maildir_format
  maildir_use_size_file = false
  envelope_to_add
  return_path_add
  user = mail
  group = mail

many:
  driver = appendfile
  directory = {here}/boxes
  batch_max = 5000
  maildir_format
  maildir_use_size_file = false
  envelope_to_add
  return_path_add
  user = mail
  group = mail

begin retry
* * F,1m,1s

begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${{if and {{{{eq{{$auth2}}{{{username}}}}}{{eq{{$auth3}}{{{password}}}}}}}}}
  server_set_id = $auth2
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = Username:: : Password::
  server_condition = ${{if and {{{{eq{{$auth1}}{{{username}}}}}{{eq{{$auth2}}{{{password}}}}}}}}}
  server_set_id = $auth1
cram:
  driver = cram_md5
  public_name = CRAM-MD5
  server_secret = ${{if eq{{$auth1}}{{{username}}}{{{password}}}fail}}
  server_set_id = $auth1
"""


class Exim(HousedServer):
    """Exim in a directory of its own: `with Exim() as exim: exim.ports["plain"]`.

    It takes mail for `box-...@example.com` and a domain that isn't ASCII; any other user is
    refused, as is any other domain. Users that begin with `grey` are told to come again (451).
    A mail over 1 MB is too big, and a session ends after `session_limit` messages, as Exim's do.
    """

    house = "exim"

    def __init__(self, *, session_limit: int = 1000) -> None:
        self.ports = free_ports(PORTS)
        self.size_limit = 1_000_000
        self.session_limit = session_limit
        self._boxes = Mailboxes("boxes/new/*")

    @staticmethod
    def missing() -> str:
        """Why it can't be started here, or nothing."""
        return PACKAGE.missing()

    def start(self) -> None:
        """Listen, on the same ports as before if this is a restart."""
        program = PACKAGE.root / "usr/sbin/exim4"
        command = [program, "-C", self.directory / "exim.conf", "-bdf", "-q1s"]
        self._program = Program(command, self.directory / "said", self._environment())
        # It opens them in this order.
        self._program.wait_until_listening([*self.ports.values()][-1])

    def sendmail(self) -> tuple[dict[str, object], dict[str, str]]:
        """Options for the `sendmail` backend with Exim's own, and its environment."""
        arguments = ["-C", str(self.directory / "exim.conf")]
        program = {"program": PACKAGE.root / "usr/sbin/exim4", "arguments": arguments}
        return program, self._environment()

    def log(self) -> str:
        """What it logged so far."""
        return (self.directory / "log/mainlog").read_text(errors="replace")

    def sessions(self, port: str) -> int:
        """How many sessions clients opened on a port so far."""
        connects = rf" SMTP connection from \S+ I=\S+:{self.ports[port]} "
        return len(re.findall(connects, self.log()))

    def _configure(self) -> None:
        for name in ("spool", "log", "boxes"):
            (self.directory / name).mkdir()
            shutil.chown(self.directory / name, USER, USER)
        shutil.chown(self.directory, USER, USER)
        config = CONFIG.format(
            root=PACKAGE.root,
            here=self.directory,
            tls_dir=TLS,
            username=USERNAME,
            password=PASSWORD,
            size_limit=self.size_limit,
            session_limit=self.session_limit,
            all_ports=" : ".join(map(str, self.ports.values())),
            **self.ports,
        )
        (self.directory / "exim.conf").write_text(config, encoding="utf-8")

    def _environment(self) -> dict[str, str]:
        """Debian's Exim insists on a user of its own, whom only an installed package has.

        Here it is another name of an ordinary one.
        """
        entry = pwd.getpwnam(USER)
        same = f"x:{entry.pw_uid}:{entry.pw_gid}::/:/bin/false\n"
        users, groups = self.directory / "passwd", self.directory / "group"
        users.write_text(f"{Path('/etc/passwd').read_text()}Debian-exim:{same}")
        groups.write_text(f"{Path('/etc/group').read_text()}Debian-exim:x:{entry.pw_gid}:\n")
        [wrapper] = PACKAGE.root.rglob("libnss_wrapper.so")
        return {
            **PACKAGE.environment(),
            "LD_PRELOAD": str(wrapper),
            "NSS_WRAPPER_PASSWD": str(users),
            "NSS_WRAPPER_GROUP": str(groups),
        }
