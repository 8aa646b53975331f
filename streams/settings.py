"""Every setting of Loa: environment variables with the prefix `TTS_`, refused by name when wrong."""

import difflib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import SecretStr, ValidationError, model_validator

from models.recognise.recogniser import Listening
from storage.links import LEAST_BYTES
from storage.opening import same_place
from streams.setting_fields import Fields
from streams.setting_types import DEFAULT_POOL

PREFIX = "TTS_"


class SettingsError(Exception):
    """A setting is wrong; the message names it, its value, and what is allowed."""


class Settings(Fields):
    """The settings, with defaults that make one machine speak."""

    @model_validator(mode="after")
    def _fits_together(self) -> "Settings":
        if self.storage_fallback is not None and same_place(self.storage_fallback, self.storage_dir):
            raise ValueError(f"TTS_STORAGE_FALLBACK={self.storage_fallback}: is TTS_STORAGE_DIR itself")
        if self.default_expiry_hours > self.max_expiry_hours:
            raise ValueError("TTS_DEFAULT_EXPIRY_HOURS: is above TTS_MAX_EXPIRY_HOURS")
        if self.kafka_security_protocol.startswith("SASL") and not (
            self.kafka_sasl_username and self.kafka_sasl_password
        ):
            raise ValueError(
                "TTS_KAFKA_SASL_USERNAME, TTS_KAFKA_SASL_PASSWORD: needed for " + self.kafka_security_protocol
            )
        if any(len(secret.encode()) < LEAST_BYTES for secret in self.link_secrets):
            raise ValueError(f"TTS_LINK_SECRET: a secret has at least {LEAST_BYTES} bytes")
        if self.pool not in self.pools:
            raise ValueError(f"TTS_POOL={self.pool}: no model is routed to it; TTS_ROUTES has to name it, everywhere")
        if missing := [model for model in self.models_on_demand if model not in self.models]:
            allowed = ", ".join(self.models)
            raise ValueError(f"TTS_MODELS_ON_DEMAND={','.join(missing)}: not in TTS_MODELS; allowed: {allowed}")
        if len(set(self.torch_devices)) < len(self.torch_devices):
            raise ValueError(f"TTS_TORCH_DEVICE={self.torch_device!r}: names a device twice")
        return self

    @property
    def pools(self) -> tuple[str, ...]:
        """All pools of workers, the one without a name first."""
        return (DEFAULT_POOL, *sorted(set(self.routes.values())))

    @property
    def webhook_secrets(self) -> list[str]:
        """Those in TTS_WEBHOOK_SECRET."""
        return self.webhook_secret.get_secret_value().split() if self.webhook_secret else []

    @property
    def link_secrets(self) -> list[str]:
        """Those in TTS_LINK_SECRET."""
        return self.link_secret.get_secret_value().split() if self.link_secret else []

    @property
    def torch_devices(self) -> tuple[str, ...]:
        """Those in TTS_TORCH_DEVICE."""
        return tuple(self.torch_device.split(","))

    @property
    def engine_options(self) -> dict[str, dict[str, str]]:
        """What engines are made with, by model, on the first device; nothing for what is not set."""
        torch = {"device": self.torch_devices[0], "dtype": self.torch_dtype}
        dia = {"slots": self.dia_slots, "graphs": self.dia_graphs}
        options: dict[str, dict[str, str | Path | None]] = {
            "dia": {"checkpoint": self.dia_checkpoint, "voices": self.dia_voices, **dia, **torch},
            "vits": {"checkpoint": self.vits_checkpoint, **torch},
            "piper": {"directory": self.piper_dir},
        }
        return {model: {k: str(v) for k, v in given.items() if v is not None} for model, given in options.items()}

    @property
    def listening(self) -> Listening | None:
        """Who listens to each piece; nobody where audio is not checked."""
        if self.check_recogniser is None or self.check == "off":
            return None
        return Listening(self.check_recogniser, self.check_word_errors)

    @property
    def longest_delay_seconds(self) -> float:
        """The longest pause before a retry: it is in hand meanwhile, and must not look stuck."""
        return min(300.0, self.window_max_age_seconds / 3)


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings. Raises SettingsError that names every wrong one."""
    values = os.environ if environ is None else environ
    given = {key[len(PREFIX) :].lower(): text for key, text in values.items() if key.startswith(PREFIX) and text}
    try:
        return Settings.model_validate({name: text for name, text in given.items() if name in Settings.model_fields})
    except ValidationError as error:
        raise SettingsError("\n".join(_sentence(detail, given) for detail in error.errors())) from None


def _sentence(detail: Any, given: Mapping[str, str]) -> str:
    if not detail["loc"]:
        return str(detail["ctx"]["error"])
    field = str(detail["loc"][0])
    shown = "(secret)" if _is_secret(field) else repr(given.get(field, detail["input"]))
    shown = re.sub(r"://[^/@]*@", "://(secret)@", shown)  # credentials that somebody put into an address
    return f"{PREFIX}{field.upper()}={shown}: {detail['msg']}"


def _is_secret(field: str) -> bool:
    return field in Settings.model_fields and "SecretStr" in str(Settings.model_fields[field].annotation)


def unknown(environ: Mapping[str, str] | None = None) -> list[str]:
    """One warning for each `TTS_*` variable that is no setting, with the nearest name that is."""
    values = os.environ if environ is None else environ
    names = [PREFIX + field.upper() for field in Settings.model_fields]
    warnings = []
    for name in sorted(key for key in values if key.startswith(PREFIX) and key not in names):
        near = difflib.get_close_matches(name, names, 1)
        warnings.append(f"{name} is not a setting" + (f"; did you mean {near[0]}?" if near else ""))
    return warnings


def table(settings: Settings) -> list[dict[str, Any]]:
    """Every setting as `{"name", "value", "source", "description"}`; secrets are never shown."""
    rows = []
    for field, info in Settings.model_fields.items():
        name, value = PREFIX + field.upper(), getattr(settings, field)
        rows.append(
            {
                "name": name,
                "value": "(secret)" if isinstance(value, SecretStr) else _plain(value),
                "source": "environment" if field in settings.model_fields_set else "default",
                "description": info.description or "",
            }
        )
    return rows


def _plain(value: Any) -> str | int | float | None:
    if isinstance(value, dict):
        return ",".join(f"{key}={text}" for key, text in value.items())
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return str(value) if isinstance(value, Path) else value
