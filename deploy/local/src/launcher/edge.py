"""Traefik in front of the gateway: its two files, written anew at every start."""

import json
from pathlib import Path

# What the gateway tells services about people travels in signed tokens; nothing that looks like an
# identity may come in from outside.
STRIPPED_HEADERS = (
    "X-User-Id",
    "X-User-Name",
    "X-User-Role",
    "X-User-Email",
    "X-User-Session",
    "X-Service-Authorization",
)


STATIC = "traefik.yml"
DYNAMIC = "routes.yml"


def write_configuration(folder: Path, *, port: int, gateway_port: int) -> None:
    """Write the static and the dynamic configuration (JSON is YAML)."""
    folder.mkdir(exist_ok=True)
    routes = folder / DYNAMIC
    routes.write_text(json.dumps(_routes(gateway_port), indent=2))
    (folder / STATIC).write_text(json.dumps(_static(routes, port), indent=2))


def _static(routes: Path, port: int) -> dict[str, object]:
    return {
        "global": {"checkNewVersion": False, "sendAnonymousUsage": False},
        "log": {"level": "ERROR"},
        # Forwarded headers are trusted from nobody: this is the first hop.
        "entryPoints": {
            "web": {
                "address": f"127.0.0.1:{port}",
                "transport": {"lifeCycle": {"graceTimeOut": "5s"}},
            }
        },
        "providers": {"file": {"filename": str(routes), "watch": False}},
    }


def _routes(gateway_port: int) -> dict[str, object]:
    return {
        "http": {
            "routers": {
                "gateway": {
                    "rule": "PathPrefix(`/`)",
                    "entryPoints": ["web"],
                    "middlewares": ["strip-identity", "retry"],
                    "service": "gateway",
                }
            },
            "middlewares": {
                "strip-identity": {
                    "headers": {"customRequestHeaders": dict.fromkeys(STRIPPED_HEADERS, "")}
                },
                # Only where no byte reached the gateway: it bridges the gateway's restart.
                "retry": {"retry": {"attempts": 6, "initialInterval": "100ms"}},
            },
            "services": {
                "gateway": {
                    "loadBalancer": {
                        "servers": [{"url": f"http://127.0.0.1:{gateway_port}"}],
                        "healthCheck": {
                            "path": "/healthz",
                            "interval": "2s",
                            "unhealthyInterval": "100ms",
                            "timeout": "1s",
                        },
                    }
                }
            },
        }
    }
