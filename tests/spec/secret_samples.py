"""Made-up secrets of every form, put together when they are needed so that no scanner finds them in this repository."""

from __future__ import annotations

import base64

_LETTERS = "q7Zx9Lm2Vb4Nc6Kd8Jf1Hg3Ts5Rw0Yp"
LONG = _LETTERS * 4
_UPPER = LONG.upper()
_HEX = "0a1b2c3d4e5f6789" * 4
_BECH = "qpzry9x8gf2tvdw0s3jn54khce6mua7l" * 2


def _token(header: str) -> str:
    return base64.urlsafe_b64encode(header.encode()).decode().rstrip("=")


SAMPLES: dict[str, str] = {
    "an RSA key": "-----BEGIN " + "RSA PRIVATE KEY-----",
    "a plain private key": "-----BEGIN " + "PRIVATE KEY-----",
    "a key of OpenSSH": "-----BEGIN " + "OPENSSH PRIVATE KEY-----",
    "a PGP key": "-----BEGIN " + "PGP PRIVATE KEY BLOCK-----",
    "PuTTY": "PuTTY-User-" + "Key-File-2",
    "age": "AGE-SECRET-" + "KEY-1" + _BECH[:58].upper(),
    "Nostr": "nsec" + "1" + _BECH[:58],
    "Telegram": "123456:" + "AA" + LONG[:33],
    "Telegram, ten digits": "7123456789:" + "AA" + LONG[:33],
    "AWS": "AKIA" + _UPPER[:16],
    "GitHub": "ghp_" + LONG[:36],
    "GitHub, fine-grained": "github_pat_" + LONG[:22] + "_" + LONG[:59],
    "GitLab": "glpat-" + LONG[:20],
    "Slack": "xoxb-" + "123456789012-" + LONG[:24].lower(),
    "Slack webhook": "https://hooks.slack" + ".com/services/T00000000/B00000000/" + LONG[:24],
    "Discord": "MTk" + LONG[:21] + "." + "Cl2FMQ" + "." + LONG[:27],
    "OpenAI": "sk-" + LONG[:48],
    "OpenAI, project": "sk-proj-" + LONG[:60],
    "Anthropic": "sk-ant-" + "api03-" + LONG[:80],
    "OpenRouter": "sk-or-v1-" + _HEX,
    "Groq": "gsk_" + LONG[:52],
    "Hugging Face": "hf_" + LONG[:34],
    "Google": "AIza" + LONG[:35],
    "Stripe": "sk_live_" + LONG[:24],
    "SendGrid": "SG." + LONG[:22] + "." + LONG[:43],
    "Twilio": "SK" + _HEX[:32],
    "npm": "npm_" + LONG[:36],
    "PyPI": "pypi-" + "AgEIcHlwaS5vcmc" + LONG[:70],
    "DigitalOcean": "dop_v1_" + _HEX,
    "JWT": ".".join((_token('{"alg":"HS256","typ":"JWT"}'), _token('{"sub":"1234567890"}'), LONG[:43])),
    "a query": "https://mail.example/inbox?api" + "_key=" + _HEX[:32],
    "Telegram, in an address": "https://api.telegram.org/" + "bot7123456789:" + "AA" + LONG[:33] + "/sendMessage",
    "Telegram, behind bot": "bot7123456789:" + "AA" + LONG[:33],
    "Slack app": "xapp" + "-1-A0B1C2D3E4F-1234567890123-" + _HEX,
    "Discord webhook": "https://discord" + ".com/api/webhooks/123456789012345678/" + LONG[:68],
    "Notion": "ntn" + "_12345678901" + LONG[:35],
    "Linear": "lin_" + "api_" + LONG[:40],
    "Docker": "dckr_" + "pat_" + LONG[:27],
    "Supabase": "sbp" + "_" + _HEX[:40],
    "Stripe webhook": "whsec" + "_" + LONG[:32],
    "Google OAuth": "GOCSPX" + "-" + LONG[:28],
    "Google access": "ya29" + "." + LONG[:60],
    "Gemini": "AQ" + ".Ab8RN6" + LONG[:44],
    "NVIDIA": "nvapi" + "-q7-Zx9_" + LONG[:60],
    "Cerebras": "csk" + "-" + LONG[:48].lower(),
    "Together": "tgp_" + "v1_" + LONG[:20] + "_" + LONG[:22],
    "ElevenLabs": "sk" + "_" + _HEX[:48],
    "Tavily": "tvly" + "-dev-" + LONG[:32],
    "Firecrawl": "fc" + "-" + _HEX[:32],
    "Brave": "BSA" + LONG[:28],
    "Tailscale": "tskey" + "-auth-kq7Zx9Lm2CNTRL-" + LONG[:31],
    "Vault": "hvs" + "." + "CAESI" + LONG[:90],
    "Azure": "AccountKey" + "=" + LONG[:86] + "==",
    "Grafana": "glsa" + "_" + LONG[:32] + "_0a1b2c3d",
    "Shopify": "shpat" + "_" + _HEX[:32],
    "Matrix": "syt" + "_ZXpyYQ_" + "qZxLmVbNcKdJfHgTsRwY" + "_0a1B2c",
    "LangSmith": "lsv2" + "_pt_" + _HEX[:32] + "_0a1b2c3d4e",
    "Redis": "redis://" + ":" + "hunter2" + "@127.0.0.1:6379/0",
    "an address, key": "https://api.example/v1?" + "model=a&key=" + LONG[:31],
    "an address, auth": "https://api.example/v1?model=a&" + "auth=" + LONG[:31],
    "basic authentication": "Authorization: Ba" + "sic " + _token("ezra:hunter2"),
    "a forge's header": "Authorization: to" + "ken " + _HEX[:40],
    "an option": "npx mcp-server --api" + "-key " + LONG[:31],
    "an option, joined": "--to" + "ken=" + LONG[:31],
    "a variable": "SOME_API_" + "KEY=" + LONG[:31],
    "a header": "Authorization: Bea" + "rer " + LONG[:40],
    "an address": "https://" + "ezra:" + "hunter2" + "@mail.example/inbox",
}
