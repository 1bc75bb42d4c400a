"""A broker with TLS, SASL users and ACLs."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator
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

from newsloom.access import Operation, Resource, Right
from tests.kafka.broker import SINGLE_NODE, Broker, free_ports, wait_until
from tests.kafka.certificates import Authority

ADMIN: Final = "admin-of-all"
GUEST: Final = "guest"
HOST: Final = "127.0.0.1"
APPLIED_S_MAX: Final = 10.0

# These replace settings of a broker without security. Its controller listens on a loopback port without TLS.
_SETTINGS: Final = """
listeners=SASL_SSL://{host}:{sasl},MUTUAL://{host}:{mutual},EXPIRED://{host}:{expired},CONTROLLER://{host}:{controller}
advertised.listeners=SASL_SSL://{host}:{sasl},MUTUAL://{host}:{mutual},EXPIRED://{host}:{expired}
controller.quorum.voters=1@{host}:{controller}
listener.security.protocol.map=SASL_SSL:SASL_SSL,MUTUAL:SSL,EXPIRED:SSL,CONTROLLER:PLAINTEXT
inter.broker.listener.name=SASL_SSL
sasl.enabled.mechanisms=SCRAM-SHA-512
sasl.mechanism.inter.broker.protocol=SCRAM-SHA-512
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config={login}
listener.name.mutual.ssl.client.auth=required
ssl.keystore.type=PEM
ssl.keystore.location={keystore}
listener.name.expired.ssl.keystore.location={expired_keystore}
ssl.truststore.type=PEM
ssl.truststore.location={authority}
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
allow.everyone.if.no.acl.found=false
super.users=User:{admin};User:ANONYMOUS
"""


_LOGIN: Final = (
    'org.apache.kafka.common.security.scram.ScramLoginModule required username="{admin}" password="{password}";'
)
_TOOL: Final = """
security.protocol=SASL_SSL
sasl.mechanism=SCRAM-SHA-512
sasl.jaas.config={login}
ssl.truststore.type=PEM
ssl.truststore.location={authority}
"""


class SecuredBroker(Broker):
    """A broker in `directory`. Each of the users has a password (SCRAM-SHA-512); others can authenticate with a certificate."""

    def __init__(self, home: Path, directory: Path, users: Iterable[str]) -> None:
        self.passwords = {user: f"pw-{secrets.token_hex(16)}" for user in (ADMIN, *users)}
        self._authority = Authority(directory / "authority")
        self._sasl_port, self._mutual_port, self._expired_port, controller = free_ports(4)
        self._login = _LOGIN.format(admin=ADMIN, password=self.passwords[ADMIN])
        settings = _SETTINGS.format(
            host=HOST,
            sasl=self._sasl_port,
            mutual=self._mutual_port,
            expired=self._expired_port,
            controller=controller,
            keystore=self._authority.issue("broker", alternative_name=f"IP:{HOST}"),
            expired_keystore=self._authority.issue("expired", alternative_name=f"IP:{HOST}", days=0),
            authority=self.authority,
            admin=ADMIN,
            login=self._login,
        )
        known = [f"SCRAM-SHA-512=[name={user},password={password}]" for user, password in self.passwords.items()]
        super().__init__(home, directory, settings=SINGLE_NODE + settings, users=known)

    @property
    def authority(self) -> Path:
        """The certificate of the authority that signed the broker's certificate."""
        return self._authority.certificate

    @property
    def url(self) -> str:
        """The URL for clients with the `options` of a user."""
        return f"kafka://{HOST}:{self._sasl_port}"

    @property
    def url_by_name(self) -> str:
        """The same port by a host name that is not in the broker's certificate."""
        return f"kafka://localhost:{self._sasl_port}"

    @property
    def mutual_url(self) -> str:
        """The URL for clients with a certificate."""
        return f"kafka://{HOST}:{self._mutual_port}"

    @property
    def expired_url(self) -> str:
        """The URL of a port with an expired certificate."""
        return f"kafka://{HOST}:{self._expired_port}"

    def options(self, user: str) -> dict[str, str]:
        """Return the client settings of a user."""
        return {
            "security_protocol": "SASL_SSL",
            "sasl_mechanism": "SCRAM-SHA-512",
            "sasl_plain_username": user,
            "sasl_plain_password": self.passwords[user],
            "ssl_cafile": str(self.authority),
        }

    def certificate(self, name: str, *, password: str = "") -> Path:
        """Issue a key and certificate for a new user `CN=name`; with a password, the key is encrypted."""
        return self._authority.issue(name, password=password)

    @property
    def tool_config(self) -> str:
        """The --command-config file of Kafka's tools for the administrator."""
        return _TOOL.format(login=self._login, authority=self.authority)

    def allowed(self, user: str) -> set[str]:
        """Return the user's rights in the format of `Right`."""
        with self.as_admin() as admin:
            return {_right_text(acl) for acl in _acls(admin, user)}

    @contextmanager
    def as_admin(self) -> Iterator[Any]:
        """Yield kafka-python's admin client, connected as the administrator."""
        client = KafkaAdminClient(bootstrap_servers=f"{HOST}:{self._sasl_port}", **self.options(ADMIN))
        try:
            yield client
        finally:
            client.close()

    def allow(self, user: str, rights: Iterable[Right]) -> None:
        """Give the user exactly these rights and wait until the broker applies them."""
        wanted = {_acl(user, right) for right in rights}
        with self.as_admin() as admin:
            found = set(_acls(admin, user))
            if obsolete := found - wanted:
                admin.delete_acls(list(obsolete))
            if new := wanted - found:
                done = admin.create_acls(list(new))
                assert not done["failed"], done
            wait_until(lambda: set(_acls(admin, user)) == wanted, APPLIED_S_MAX, f"the rights of {user}")


def _right_text(acl: ACL) -> str:
    pattern = acl.resource_pattern
    return str(
        Right(
            Operation[acl.operation.name],
            Resource[pattern.resource_type.name],
            pattern.resource_name,
            pattern.pattern_type is ACLResourcePatternType.PREFIXED,
        )
    )


def _acls(admin: Any, user: str) -> list[ACL]:
    anything = ResourcePattern(ResourceType.TOPIC, "x")
    anything.resource_type, anything.resource_name = ResourceType.ANY, None
    anything.pattern_type = ACLResourcePatternType.ANY
    found, _ = admin.describe_acls(ACLFilter(f"User:{user}", None, ACLOperation.ANY, ACLPermissionType.ANY, anything))
    return list(found)


def _acl(user: str, right: Right) -> ACL:
    pattern = ACLResourcePatternType.PREFIXED if right.prefixed else ACLResourcePatternType.LITERAL
    return ACL(
        f"User:{user}",
        "*",
        ACLOperation[right.operation.name],
        ACLPermissionType.ALLOW,
        ResourcePattern(ResourceType[right.resource.name], right.name, pattern),
    )
