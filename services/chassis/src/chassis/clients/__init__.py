"""Channels to neighbours: identity added, deadlines kept, refusals rebuilt, retries rationed."""

from chassis.clients.calls import DEFAULT_TIMEOUT_SECONDS
from chassis.clients.channels import async_channel, channel

__all__ = ["DEFAULT_TIMEOUT_SECONDS", "async_channel", "channel"]
