"""Settings: one struct, one reader, mistakes that suggest."""

from pathlib import Path

import pytest
from redis import ConnectionPool

from pulseops.settings import Settings, SettingsError, masked


def test_nothing_set_gives_the_embedded_defaults() -> None:
    settings = Settings.from_environment({"PATH": "/bin"})
    assert settings.database_url is None
    assert (settings.host, settings.port) == ("127.0.0.1", 8000)
    assert settings.home == Path.home() / ".pulseops"


def test_values_are_converted_and_checked() -> None:
    settings = Settings.from_environment(
        {"PULSEOPS_PORT": "9000", "PULSEOPS_ALLOW_UNSAFE_DURABILITY": "true", "PULSEOPS_RULES": "rules.yaml"}
    )
    assert settings.port == 9000
    assert settings.allow_unsafe_durability is True
    assert settings.rules == Path("rules.yaml")


def test_every_mistake_is_named_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment(
            {
                "PULSEOPS_DATABSE_URL": "postgresql://u:hunter2@h/d",
                "PULSEOPS_PORT": "99999",
                "PULSEOPS_LOG_FORMAT": "xml",
            }
        )
    lines = str(caught.value).splitlines()
    assert lines[0] == "PULSEOPS_DATABSE_URL is not a setting: did you mean PULSEOPS_DATABASE_URL?"
    assert lines[1].startswith("PULSEOPS_LOG_FORMAT: ")
    assert lines[2].startswith("PULSEOPS_PORT: ")
    assert "hunter2" not in str(caught.value)


def test_a_stranger_is_answered_with_the_list() -> None:
    with pytest.raises(SettingsError, match="Settings are: PULSEOPS_DATABASE_URL, "):
        Settings.from_environment({"PULSEOPS_QQQ": "1"})


@pytest.mark.parametrize(
    ("variable", "wrong", "right"),
    [
        ("DATABASE_URL", "mysql://h/d", "postgresql://user@host"),
        ("DATABASE_URL", "postgresql://u:hunter2/x@h/d", "%2F"),
        ("MIGRATION_URL", "postgresql://u:hunter2#x@h/d", "%2F"),
        ("DATABASE_URL", "postgresql://u:p@h:port/d", "postgresql://user@host"),
        ("DATABASE_URL", "postgresql://u:hunter2@h:99999/d", "postgresql://user@host"),
        ("DATABASE_URL", "postgresql://u:hunter2\u2100@h/d", "postgresql://user@host"),
        ("DATABASE_URL", "postgresql://u:hunter2@[h]/d", "postgresql://user@host"),
        ("REDIS_URL", "cache:6379", "redis://host"),
        ("REDIS_URL", "redis://:hunter2/x@cache:6379/0", "%2F"),
        ("REDIS_URL", "redis://:hunter2#x@cache:6379/0", "%2F"),
        ("REDIS_URL", "rediss://:hunter2@x@cache:6379/0", "%2F"),
        ("REDIS_URL", "redis://:hunter2@cache:63790000/0", "redis://host"),
        ("REDIS_URL", "redis://:hunter2@cache:port", "redis://host"),
        ("REDIS_URL", "unix://:hunter2/x@/run/redis.sock", "%2F"),
        ("URL", "localhost:8000", "http://host"),
        ("URL", "http://u:hunter2@[::1", "http://host"),
        ("AUDIT_PUBLISH", "published", "git:/repository.git or s3://bucket/prefix"),
        ("AUDIT_PUBLISH", "git:https://u:hunter2@h/x", "git:/repository.git"),
        ("AUDIT_PUBLISH", "git://h/x", "/folder"),
        ("AUDIT_PUBLISH", "s3://u:hunter2@bucket/x", "s3://bucket"),
        ("LOG_LEVEL", "hunter2", "one of debug, info, warning, error"),
    ],
)
def test_a_value_of_the_wrong_shape_is_answered_with_the_right_one(
    variable: str, wrong: str, right: str
) -> None:
    with pytest.raises(SettingsError, match=f"^PULSEOPS_{variable}") as caught:
        Settings.from_environment({f"PULSEOPS_{variable}": wrong})
    assert right in str(caught.value)
    assert variable == "LOG_LEVEL" or "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:p%2Fq@h/d",
        "postgres://h1:1,h2:2/d?target_session_attrs=read-write",
        "postgresql:///d?host=/run/postgresql",
        "postgresql://u@[::1]:5432/d",
    ],
)
def test_every_shape_of_database_url_is_taken(url: str) -> None:
    assert Settings.from_environment({"PULSEOPS_DATABASE_URL": url}).database_url == url


@pytest.mark.parametrize(
    "url",
    [
        "redis://cache",
        "redis://:p%2Fq@cache:6379/0",
        "rediss://user:p@cache:65535/2?ssl_cert_reqs=none",
        "redis://user@[::1]:6379",
        "unix:///run/redis.sock?db=2",
        "unix://:p%40q@/run/redis.sock",
    ],
)
def test_every_shape_of_redis_url_is_taken(url: str) -> None:
    assert Settings.from_environment({"PULSEOPS_REDIS_URL": url}).redis_url == url
    assert ConnectionPool.from_url(url) is not None


@pytest.mark.parametrize(
    "place",
    ["/a folder", "~/x", "./x", "file:///x", "git:/x.git", "git:~/x", "s3://bucket", "s3://a.b-c/d/e"],
)
def test_every_kind_of_place_is_taken(place: str) -> None:
    assert Settings.from_environment({"PULSEOPS_AUDIT_PUBLISH": place}).audit_publish == place


def test_secrets_are_masked_in_repr() -> None:
    settings = Settings(database_url="postgresql://app:hunter2@db:5432/pulseops?sslcert=x", api_key="hunter3")
    assert "postgresql://app:***@db:5432/pulseops" in repr(settings)
    assert "hunter" not in repr(settings) + str(dict(settings.__rich_repr__()))


def test_a_secret_may_come_from_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "dsn"
    secret.write_text("postgresql://app:hunter2@db/pulseops\n")
    settings = Settings.from_environment({"PULSEOPS_DATABASE_URL_FILE": str(secret)})
    assert settings.database_url == "postgresql://app:hunter2@db/pulseops"
    with pytest.raises(SettingsError, match="is set as well"):
        Settings.from_environment(
            {"PULSEOPS_DATABASE_URL_FILE": str(secret), "PULSEOPS_DATABASE_URL": "postgresql:///x"}
        )
    with pytest.raises(SettingsError, match="cannot be read"):
        Settings.from_environment({"PULSEOPS_API_KEY_FILE": str(tmp_path / "none")})


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://:pw@h:6379/0", "redis://None:***@h:6379/0"),
        ("redis://h", "redis://h"),
        ("postgresql://h:notaport/d", "***"),
        ("just words", "***"),
    ],
)
def test_a_url_is_shown_without_its_password(url: str, shown: str) -> None:
    assert masked(url) == shown.replace("None", "")


POOLED = {"PULSEOPS_POOLER": "transaction", "PULSEOPS_DATABASE_URL": "postgresql://u:hunter2@pooler/d"}
DIRECT = {"PULSEOPS_DIRECT_DATABASE_URL": "postgresql://u:hunter2@db/d"}


def test_writers_take_the_direct_way_where_there_is_one() -> None:
    alone = Settings.from_environment(POOLED)
    assert alone.writers == ("postgresql://u:hunter2@pooler/d", True)
    both = Settings.from_environment(POOLED | DIRECT)
    assert both.writers == ("postgresql://u:hunter2@db/d", False)
    assert both.session_at == both.migrates_at == "postgresql://u:hunter2@db/d"
    assert both.database == "postgresql://u:hunter2@pooler/d"
    assert "hunter2" not in repr(both)


def test_what_needs_a_session_does_not_go_through_a_pooler() -> None:
    settings = Settings.from_environment(POOLED)
    with pytest.raises(SettingsError, match="set PULSEOPS_DIRECT_DATABASE_URL to PostgreSQL itself"):
        _ = settings.session_at
    with pytest.raises(SettingsError, match="set PULSEOPS_DIRECT_DATABASE_URL"):
        _ = settings.migrates_at
    told = Settings.from_environment(POOLED | {"PULSEOPS_MIGRATION_URL": "postgresql://owner@db/d"})
    assert told.migrates_at == "postgresql://owner@db/d"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (DIRECT, "PULSEOPS_DIRECT_DATABASE_URL is the way past a pooler: set PULSEOPS_POOLER=transaction"),
        ({"PULSEOPS_POOLER": "transaction"}, "PULSEOPS_POOLER says how PULSEOPS_DATABASE_URL is to be used"),
        ({"PULSEOPS_POOLER": "session"}, "PULSEOPS_POOLER: it must be one of none, transaction"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(given: dict[str, str], told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        Settings.from_environment(given)
