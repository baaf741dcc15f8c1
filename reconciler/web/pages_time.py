"""Times as pages tell them, in UTC, from seconds since the epoch or ISO 8601."""

from __future__ import annotations

from datetime import UTC, datetime

from reconciler.render.status_words import age_text


def _moment(at: float | str) -> datetime | None:
    try:
        return datetime.fromisoformat(at) if isinstance(at, str) else datetime.fromtimestamp(at, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _text(at: float | str | None, form: str) -> str:
    moment = None if at is None or at == "" else _moment(at)
    return moment.astimezone(UTC).strftime(form) if moment else "-"


def minute_text(at: float | str | None) -> str:
    """`2026-04-01 08:00`; "-" for nothing."""
    return _text(at, "%Y-%m-%d %H:%M")


def clock_text(at: float | str | None) -> str:
    """`08:00:12`"""
    return _text(at, "%H:%M:%S")


def day_text(at: float | str | None) -> str:
    """`1 April 2026`"""
    return _text(at, "%e %B %Y").strip()


def local_iso(at: float | str | None) -> str:
    """For the datetime attribute."""
    return _text(at, "%Y-%m-%dT%H:%M:%SZ")


def ago(at: float | str | None, now: float) -> str:
    """`3 min ago`; "" for nothing."""
    moment = None if at is None or at == "" else _moment(at)
    return age_text(now - moment.timestamp()) if moment else ""


def took(seconds: float | None) -> str:
    """`0.4 s`, `12 s`, `3 min 5 s`; "" for nothing."""
    if seconds is None:
        return ""
    if seconds < 10:
        return f"{max(seconds, 0.0):.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
