"""A broker that speaks TLS to known users only (SASL_SSL, SCRAM-SHA-512), and lets each do what an ACL allows and no more."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from kafka import KafkaAdminClient
from kafka.admin import (
    ACL,
    ACLFilter,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ResourcePattern,
    ResourceType,
)

from newsloom.access import Right
from tests.kafka.broker import Broker, free_ports

ADMIN: Final = "admin-of-all"

# Java takes the last of several properties of one name: these replace those of an open broker. Its own controller is
# nobody's but its own, on a loopback port.
_SETTINGS: Final = """
listeners=SASL_SSL://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=SASL_SSL://127.0.0.1:{port}
controller.quorum.voters=1@127.0.0.1:{controller}
listener.security.protocol.map=SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT
inter.broker.listener.name=SASL_SSL
sasl.enabled.mechanisms=SCRAM-SHA-512
sasl.mechanism.inter.broker.protocol=SCRAM-SHA-512
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config={login}
ssl.keystore.location={keystore}
ssl.keystore.password={store_password}
ssl.truststore.type=PEM
ssl.truststore.location={authority}
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
allow.everyone.if.no.acl.found=false
super.users=User:{admin};User:ANONYMOUS
"""

# What Kafka's own tools take as --command-config.
_TOOL: Final = """
security.protocol=SASL_SSL
sasl.mechanism=SCRAM-SHA-512
sasl.jaas.config={login}
ssl.truststore.type=PEM
ssl.truststore.location={authority}
"""


class SecuredBroker(Broker):
    """A broker in `directory` that knows these users, each by a password of its own."""

    def __init__(self, home: Path, directory: Path, users: Iterable[str]) -> None:
        directory.mkdir(parents=True)
        self.home = home
        self.passwords = {user: f"pw-{secrets.token_hex(16)}" for user in (ADMIN, *users)}
        self.authority = directory / "authority.pem"
        self.stranger = directory / "stranger.pem"
        """The certificate of an authority that has nothing to do with the broker."""
        self.tool_config = directory / "tool.properties"
        self._port, controller = free_ports(2)
        keystore, store_password = directory / "broker.p12", secrets.token_hex(16)
        make_certificate(keystore, store_password, self.authority)
        make_certificate(directory / "stranger.p12", store_password, self.stranger)
        login = (
            "org.apache.kafka.common.security.scram.ScramLoginModule required "
            f'username="{ADMIN}" password="{self.passwords[ADMIN]}";'
        )
        self.tool_config.write_text(_TOOL.format(login=login, authority=self.authority))
        settings = _SETTINGS.format(
            port=self._port,
            controller=controller,
            login=login,
            keystore=keystore,
            store_password=store_password,
            authority=self.authority,
            admin=ADMIN,
        )
        known = [f"SCRAM-SHA-512=[name={user},password={password}]" for user, password in self.passwords.items()]
        super().__init__(home, directory, settings=settings, users=known)

    @property
    def url(self) -> str:
        """Where clients connect, with the `options` of a user."""
        return f"kafka://127.0.0.1:{self._port}"

    def options(self, user: str) -> dict[str, str]:
        """The client settings with which a user is let in."""
        return {
            "security_protocol": "SASL_SSL",
            "sasl_mechanism": "SCRAM-SHA-512",
            "sasl_plain_username": user,
            "sasl_plain_password": self.passwords[user],
            "ssl_cafile": str(self.authority),
        }

    @contextmanager
    def as_admin(self) -> Iterator[Any]:
        """kafka-python's admin client of one who may do everything."""
        client = KafkaAdminClient(bootstrap_servers=f"127.0.0.1:{self._port}", **self.options(ADMIN))
        try:
            yield client
        finally:
            client.close()

    def allow(self, user: str, rights: Iterable[Right]) -> None:
        """Give a user these rights."""
        with self.as_admin() as admin:
            done = admin.create_acls([_acl(user, right) for right in rights])
        assert not done["failed"], done

    def withdraw(self, user: str, rights: Iterable[Right]) -> None:
        """Take these rights away."""
        with self.as_admin() as admin:
            admin.delete_acls([_acl(user, right) for right in rights])

    def allowed(self, user: str) -> set[tuple[str, str, str, str]]:
        """Operation, kind of resource, its name and how the name counts, of all that the user is allowed."""
        anything = ResourcePattern(ResourceType.TOPIC, "x")
        anything.resource_type, anything.resource_name = ResourceType.ANY, None
        anything.pattern_type = ACLResourcePatternType.ANY
        wanted = ACLFilter(f"User:{user}", None, ACLOperation.ANY, ACLPermissionType.ANY, anything)
        with self.as_admin() as admin:
            found, _ = admin.describe_acls(wanted)
        return {_named(acl) for acl in found}


def _acl(user: str, right: Right) -> ACL:
    pattern = ACLResourcePatternType.PREFIXED if right.prefixed else ACLResourcePatternType.LITERAL
    return ACL(
        f"User:{user}",
        "*",
        ACLOperation[right.operation.name],
        ACLPermissionType.ALLOW,
        ResourcePattern(ResourceType[right.resource.name], right.name, pattern),
    )


def _named(acl: Any) -> tuple[str, str, str, str]:
    pattern = acl.resource_pattern
    return acl.operation.name, pattern.resource_type.name, pattern.resource_name, pattern.pattern_type.name


def make_certificate(keystore: Path, store_password: str, certificate: Path) -> None:
    """A key in `keystore`, and the certificate that signs itself, for a server on loopback. With Java's own tool."""
    java_home = os.environ.get("JAVA_HOME")
    keytool = shutil.which("keytool") or (f"{java_home}/bin/keytool" if java_home else None)
    if keytool is None:
        raise RuntimeError("Java's keytool is not on the PATH, and there is no JAVA_HOME")
    store: list[str | Path] = [
        "-alias",
        "server",
        "-keystore",
        keystore,
        "-storetype",
        "PKCS12",
        "-storepass:env",
        "STORE_PASSWORD",
    ]
    environ = {**os.environ, "STORE_PASSWORD": store_password}
    made = ["-keyalg", "EC", "-groupname", "secp256r1", "-validity", "30", "-dname", "CN=newsloom test"]
    names = ["-ext", "san=ip:127.0.0.1,dns:localhost", "-ext", "bc=ca:true"]
    _run([keytool, "-genkeypair", *store, *made, *names], environ)
    _run([keytool, "-exportcert", "-rfc", *store, "-file", certificate], environ)


def _run(command: list[str | Path], environ: Mapping[str, str]) -> None:
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed: {done.stdout}{done.stderr}")
