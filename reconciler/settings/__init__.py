"""The settings of one host: which host it is, where the fleet comes from, how careful to be.

`load_settings` reads `--config FILE`, else $RECONCILER_CONFIG, else /etc/reconciler/reconciler.toml; variables such as
RECONCILER_SOURCE__URL win over the file. Not done here: anything with the values.
"""

from __future__ import annotations

from reconciler.settings.load import load_settings
from reconciler.settings.model import (
    ApplySettings,
    GiteaSettings,
    LogSettings,
    NotifySettings,
    SecretSource,
    Settings,
    SourceSettings,
    StatusSettings,
    WebSettings,
)

__all__ = [
    "ApplySettings",
    "GiteaSettings",
    "LogSettings",
    "NotifySettings",
    "SecretSource",
    "Settings",
    "SourceSettings",
    "StatusSettings",
    "WebSettings",
    "load_settings",
]
