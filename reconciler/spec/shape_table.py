"""The forms of secrets: one small table of our own, because a scanner such as detect-secrets reads files and settings,
and this floor is pure.

Forms that vendors document or scanners know; each row says where it comes from. Every pattern reads on in one direction
and for a bounded length, and none goes beyond a line, so that no text makes it slow; where `begins` is empty, the first
character stands before what looks back at it, by which it is found faster. Not done here: looking for them (shapes.py).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from reconciler.spec.likeness import is_login, is_no_placeholder, is_password, looks_random


@dataclass(frozen=True, slots=True)
class Shape:
    """`what` it is, in words that follow "holds"; `source` is where the form comes from. `begins`: every text of this
    form begins with one of these, which are found a hundred times faster than the pattern matches. `is_one` judges the
    group `secret` of the pattern, or all of it where it has no such group."""

    what: str
    pattern: str
    source: str
    begins: tuple[str, ...] = ()
    is_one: Callable[[str], bool] = is_no_placeholder


_VALUE = r"(?P<secret>[A-Za-z0-9._~+/-]{16,200})"

_PRIVATE_KEYS = (
    Shape(
        "a private key",
        r"-----BEGIN (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----",
        "detect-secrets, RFC 7468",
        ("-----BEGIN ",),
    ),
    Shape("a private key", r"PuTTY-User-Key-File-[0-9]", "detect-secrets", ("PuTTY-User-Key-File-",)),
    Shape(
        "a private age key",
        r"AGE-SECRET-KEY-1[02-9AC-HJ-NP-Z]{58}",
        "age-encryption.org, age(1)",
        ("AGE-SECRET-KEY-1",),
    ),
    Shape("a private Nostr key", r"\bnsec1[02-9ac-hj-np-z]{58}\b", "Nostr NIP-19", ("nsec1",)),
)

_PLATFORMS = (
    Shape(
        "a Telegram bot token",
        # As it is pasted from an address, it stands behind bot.
        r"[0-9](?:(?<![A-Za-z0-9].)|(?<=bot.))[0-9]{5,11}(?::|%3A)[A-Za-z0-9_-]{32,40}(?![A-Za-z0-9_-])",
        "detect-secrets, Telegram Bot API",
    ),
    Shape("a Slack token", r"\bxox[abeoprs]-[A-Za-z0-9-]{10}", "detect-secrets, Slack token types", ("xox",)),
    Shape(
        "a Slack token", r"\bxapp-[0-9]-[A-Za-z0-9-]{20,200}", "gitleaks, Slack token types", ("xapp-",), looks_random
    ),
    Shape(
        "a Slack webhook",
        r"\bhooks\.slack\.com/(?:services|workflows)/[A-Za-z0-9_-]{6,}/",
        "detect-secrets",
        ("hooks.slack.com/",),
    ),
    Shape(
        "a Discord bot token",
        r"[MNO](?<!\w.)[A-Za-z0-9_-]{23,26}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27}",
        "detect-secrets",
    ),
    Shape(
        "a Discord webhook",
        r"\bdiscord(?:app)?\.com/api/(?:v[0-9]{1,2}/)?webhooks/[0-9]{15,21}/[A-Za-z0-9_-]{40}",
        "Discord API, webhook resource",
        ("discord.com/api/", "discordapp.com/api/"),
    ),
    Shape(
        "a Matrix token",
        r"\bsyt_[A-Za-z0-9+/-]{1,200}_[A-Za-z]{20}_[A-Za-z0-9]{6}\b",
        "Synapse, pull request 5588",
        ("syt_",),
    ),
    Shape("a Shopify token", r"\bshp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}\b", "gitleaks, Shopify", ("shp",)),
    Shape("a Notion token", r"\bntn_[A-Za-z0-9]{40}", "gitleaks, Notion", ("ntn_",)),
    Shape("a Linear key", r"\blin_(?:api|oauth)_[A-Za-z0-9]{32}", "gitleaks, Linear", ("lin_api_", "lin_oauth_")),
    Shape("a SendGrid key", r"\bSG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}", "detect-secrets", ("SG.",)),
    Shape("a Twilio key", r"\bSK[0-9a-f]{32}\b", "detect-secrets", ("SK",)),
    Shape("a Stripe key", r"\b[rs]k_(?:live|test)_[A-Za-z0-9]{24}", "detect-secrets", ("rk_", "sk_")),
    Shape(
        "the secret of a webhook",
        r"\bwhsec_[A-Za-z0-9+/]{24,200}",
        "Stripe, Standard Webhooks",
        ("whsec_",),
        looks_random,
    ),
)

_FORGES_AND_CLOUDS = (
    Shape(
        "an AWS access key",
        r"\b(?:A3T[A-Z0-9]|ABIA|ACCA|AKIA|ASIA)[A-Z0-9]{16}\b",
        "detect-secrets, AWS IAM identifiers",
        ("A3T", "ABIA", "ACCA", "AKIA", "ASIA"),
    ),
    Shape(
        "a GitHub token",
        r"\bgh[pousr]_[A-Za-z0-9_]{36}",
        "detect-secrets, GitHub token formats",
        ("ghp_", "gho_", "ghu_", "ghs_", "ghr_"),
    ),
    Shape("a GitHub token", r"\bgithub_pat_[A-Za-z0-9_]{22}", "GitHub token formats", ("github_pat_",)),
    Shape(
        "a GitLab token",
        r"\bgl(?:pat|dt|ft|soat|rt|ptt)-[A-Za-z0-9_-]{20}",
        "detect-secrets, GitLab token prefixes",
        ("gl",),
    ),
    Shape("a Google API key", r"\bAIza[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])", "Google Cloud", ("AIza",)),
    Shape(
        "a Google API key",
        r"(?<![\w./+-])AQ\.[A-Za-z0-9_-]{40,100}",
        "gitleaks, Gemini authorization keys",
        ("AQ.",),
        looks_random,
    ),
    Shape(
        "a Google client secret",
        r"\bGOCSPX-[A-Za-z0-9_-]{24,100}",
        "trufflehog, Google OAuth",
        ("GOCSPX-",),
        looks_random,
    ),
    Shape("a Google access token", r"\bya29\.[A-Za-z0-9_-]{20,200}", "Google OAuth", ("ya29.",), looks_random),
    Shape(
        "a token of a package registry",
        r"\bnpm_[A-Za-z0-9]{36}\b|\bpypi-AgE[A-Za-z0-9_-]{40}",
        "detect-secrets",
        ("npm_", "pypi-AgE"),
    ),
    Shape("a Docker token", r"\bdckr_[po]at_[A-Za-z0-9_-]{20,100}", "gitleaks, Docker Hub", ("dckr_",), looks_random),
    Shape("a DigitalOcean token", r"\bdo[opr]_v1_[0-9a-f]{64}\b", "DigitalOcean", ("doo_v1_", "dop_v1_", "dor_v1_")),
    Shape(
        "a Tailscale key",
        r"\btskey-[a-z]{2,10}-[A-Za-z0-9]{8,32}-[A-Za-z0-9]{16,64}",
        "Tailscale, key prefixes",
        ("tskey-",),
        looks_random,
    ),
    Shape(
        "a Vault token", r"\bhv[bs]\.[A-Za-z0-9_-]{24,300}", "gitleaks, HashiCorp Vault", ("hvb.", "hvs."), looks_random
    ),
    Shape("an Azure storage key", r"\bAccountKey=[A-Za-z0-9+/]{86}==", "Azure Storage", ("AccountKey=",)),
    Shape("a Grafana token", r"\bglsa_[A-Za-z0-9]{32}_[0-9a-fA-F]{8}\b", "gitleaks, Grafana", ("glsa_",)),
    Shape("a Supabase token", r"\bsbp_[A-Za-z0-9_]{32,100}", "gitleaks, Supabase", ("sbp_",), looks_random),
)

_MODELS_AND_SEARCH = (
    Shape(
        "a key of a model provider",
        r"(?<![\w-])sk-(?P<secret>[A-Za-z0-9_-]{16,200})",
        "OpenAI, Anthropic, OpenRouter",
        ("sk-",),
        looks_random,
    ),
    Shape(
        "a key of a model provider",
        r"\b(?:gsk_|xai-|pplx-|fw_|r8_)[A-Za-z0-9]{24}",
        "Groq, xAI, Perplexity and others",
        ("gsk_", "xai-", "pplx-", "fw_", "r8_"),
    ),
    Shape(
        "a key of a model provider",
        r"(?<![\w-])(?:nvapi-|csk-|tgp_v1_)(?P<secret>[A-Za-z0-9_-]{24,200})",
        "gitleaks: NVIDIA, Cerebras, Together",
        ("nvapi-", "csk-", "tgp_v1_"),
        looks_random,
    ),
    Shape("a key of ElevenLabs", r"\bsk_[0-9a-f]{48}(?![\w-])", "gitleaks, ElevenLabs", ("sk_",)),
    Shape("a Hugging Face token", r"\bhf_[A-Za-z0-9]{30}", "Hugging Face", ("hf_",)),
    Shape("a LangSmith key", r"\blsv2_(?:pt|sk)_[0-9a-f]{32}_[0-9a-f]{10}\b", "trufflehog, LangSmith", ("lsv2_",)),
    Shape(
        "a key of a search service",
        r"(?<![\w-])tvly-(?P<secret>[A-Za-z0-9_-]{20,200})",
        "Tavily",
        ("tvly-",),
        looks_random,
    ),
    Shape("a key of a search service", r"(?<![\w-])fc-[0-9a-f]{32}(?![\w-])", "Firecrawl", ("fc-",)),
    Shape(
        "a key of a search service",
        r"(?<![\w/+-])BSA[A-Za-z0-9_-]{24,40}(?![A-Za-z0-9_/+-])",
        "gitleaks, Brave Search",
        ("BSA",),
        looks_random,
    ),
)

_ANYWHERE = (
    Shape(
        "a JSON Web Token",
        r"(?<![\w-])eyJ[A-Za-z0-9_-]{10,2000}\.eyJ[A-Za-z0-9_-]{6,4000}\.[A-Za-z0-9_-]{6}",
        "detect-secrets, RFC 7519",
        ("eyJ",),
    ),
    Shape(
        "a token in an address",
        r"[?&](?i:[a-z]{0,12}[_-]?(?:key|token|secret|auth|passw(?:or)?d|pwd|sig(?:nature)?))="
        r"(?P<secret>[A-Za-z0-9._~-]{16,200})",
        "RFC 6750 (URI query parameter), and the same by other names",
        ("?", "&"),
        looks_random,
    ),
    Shape(
        "a bearer token",
        r"\b[Bb]earer (?P<secret>[A-Za-z0-9._~+/-]{20,200})",
        "RFC 6750 (authorization header)",
        ("Bearer ", "bearer "),
        looks_random,
    ),
    Shape(
        "a user name and password",
        r"\b[Bb]asic (?P<secret>[A-Za-z0-9+/]{6,400}={0,2})",
        "RFC 7617 (authorization header)",
        ("Basic ", "basic "),
        is_login,
    ),
    Shape(
        "a token of a forge",
        r"\b[Tt]oken [0-9a-f]{40}(?![\w-])",
        "Gitea, GitHub (authorization header)",
        ("Token ", "token "),
    ),
    Shape(
        "a password in an address",
        r"://[^\s:/?#@\"'<>${}\[\]]{0,100}:(?P<secret>[^\s:/?#@\"'<>{}\[\]]{3,100})@",
        "detect-secrets, and Redis, which needs no user",
        ("://",),
        is_password,
    ),
    Shape(
        "a secret on a command line",
        rf"--(?:[a-z]{{1,16}}-){{0,3}}(?:api)?(?:key|token|secret|passw(?:or)?d|auth|bearer)[= ][\"']?{_VALUE}",
        "what programs call such options",
        ("--",),
        looks_random,
    ),
    Shape(
        "a secret given to a variable",
        rf"(?:KEY|TOKEN|SECRET|PASSWORD|key|token|secret|password)=[\"']?{_VALUE}",
        "what programs call such variables",
        ("KEY=", "TOKEN=", "SECRET=", "PASSWORD=", "key=", "token=", "secret=", "password="),
        looks_random,
    ),
)

SHAPES = (*_PRIVATE_KEYS, *_PLATFORMS, *_FORGES_AND_CLOUDS, *_MODELS_AND_SEARCH, *_ANYWHERE)
