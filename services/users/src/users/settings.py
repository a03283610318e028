"""What the users service is told by its environment."""

from pydantic import Field, SecretStr

from chassis.mail import MailUrl
from chassis.settings import Listen, ServiceSettings


class Settings(ServiceSettings):
    """Read once at the start."""

    grpc_listen: Listen = Field("127.0.0.1:50051", description="host:port the RPCs are served at")
    signing_key_secret: SecretStr = Field(
        description="Seals the private signing keys in the database, at least 32 characters",
        min_length=32,
    )
    signing_key_days: int = Field(
        30, ge=1, le=3650, description="Age at which a signing key is followed by the next"
    )
    refresh_token_days: int = Field(
        30, ge=1, le=365, description="Days of silence after which a session ends"
    )
    password_threads: int = Field(2, ge=1, le=64, description="Passwords hashed at the same time")
    login_limit_seconds: int = Field(
        300, ge=1, le=86_400, description="Window in which wrong passwords are counted"
    )
    login_limit_account: int = Field(
        10, ge=1, le=10_000, description="Wrong passwords for one account in the window"
    )
    login_limit_address: int = Field(
        100, ge=1, le=1_000_000, description="Wrong passwords from one address in the window"
    )
    mail_url: MailUrl = Field(
        "log://",
        description="Where mails go: log://, smtp://[user:password@]host[:port] or smtps://…",
    )
    mail_from: str = Field(
        "marquee@localhost.localdomain", description="Address that mails come from"
    )
    password_reset_url: str = Field(
        "",
        description="Page of your client for a new password, in mails with ?token= behind it",
    )
