"""Repository, webhook and branch protection through the API of Gitea or Forgejo.

Not done here: in which order (engine/set_up.py), requests (gitea_client.py), pushing (git_first_commit.py).
"""

from __future__ import annotations

from reconciler.adapters.gitea_client import Conflict, GiteaClient, Json, NotFound, at, number_at, path_of, text_at
from reconciler.errors import Terminal
from reconciler.protocols.set_up import Done, Repository, Webhook

EVENTS = (
    "push",
    "create",
    "delete",
    "pull_request_only",  # "pull_request" alone would stand for labels, reviews and milestones as well
    "pull_request_sync",
    "pull_request_comment",
    "issue_comment",
)
_ALL_BRANCHES = ("", "*", "**")


class GiteaSetup:
    """See `protocols.set_up.ForgeSetup`. `repository` is owner/name."""

    def __init__(self, client: GiteaClient, repository: str) -> None:
        self._client = client
        self._owner, _, self._name = repository.partition("/")
        self._path = path_of("repos", self._owner, self._name)

    def repository(self, branch: str) -> Repository:
        try:
            found = self._client.request("GET", self._path)
        except NotFound:
            found = self._make(branch)
            return Repository(made=True, empty=at(found, "empty") is not False)
        self._refuse(found)
        return Repository(made=False, empty=at(found, "empty") is True)

    def has_branch(self, branch: str) -> bool:
        try:
            self._client.request("GET", self._path + path_of("branches", branch))
        except NotFound:
            return False
        return True

    def webhooks(self, url: str) -> tuple[Webhook, ...]:
        found = [hook for hook in self._client.pages(f"{self._path}/hooks") if text_at(hook, "config", "url") == url]
        hooks = [Webhook(number_at(hook, "id"), _fault(hook)) for hook in found]
        return tuple(sorted(hooks, key=lambda hook: hook.number, reverse=True))

    def add_webhook(self, url: str, secret: str) -> None:
        config = {"url": url, "content_type": "json", "http_method": "post", "secret": secret}
        body = {"type": "gitea", "config": config, "events": list(EVENTS), "branch_filter": "*", "active": True}
        self._client.request("POST", f"{self._path}/hooks", body)

    def remove_webhook(self, number: int) -> None:
        try:
            self._client.request("DELETE", f"{self._path}/hooks/{number}")
        except NotFound:
            return

    def protect(self, branch: str, context: str) -> Done:
        rule = self._rule(branch)
        if rule is None:
            wanted = {"enable_push": False, "enable_status_check": True, "status_check_contexts": [context]}
            # Gitea before 1.19 knows a rule by its branch alone.
            body = {"branch_name": branch, "rule_name": branch, **wanted}
            self._client.request("POST", f"{self._path}/branch_protections", body)
            return Done.MADE
        known = at(rule, "status_check_contexts")
        contexts = [name for name in known if isinstance(name, str)] if isinstance(known, list) else []
        if at(rule, "enable_status_check") is True and context in contexts:
            return Done.FOUND
        contexts += [] if context in contexts else [context]
        change = {"enable_status_check": True, "status_check_contexts": contexts}
        self._client.request("PATCH", self._path + path_of("branch_protections", branch), change)
        return Done.CHANGED

    def _rule(self, branch: str) -> Json:
        for rule in self._client.pages(f"{self._path}/branch_protections"):
            if branch in (text_at(rule, "rule_name"), text_at(rule, "branch_name")):
                return rule
        return None

    def _make(self, branch: str) -> Json:
        login = text_at(self._client.request("GET", "/user"), "login")
        own = login.lower() == self._owner.lower()
        body = {"name": self._name, "private": True, "auto_init": False, "default_branch": branch}
        body["description"] = "The fleet, as reconciler applies it"
        try:
            return self._client.request("POST", "/user/repos" if own else path_of("orgs", self._owner, "repos"), body)
        except NotFound as error:
            what = f"there is no repository {self._owner}/{self._name}, and no organisation {self._owner} to make it in"
            mend = f"the token belongs to {login}: name a repository of {login} or of an organisation"
            raise Terminal(what, where=self._client.url, mend=mend) from error
        except Conflict as error:
            what = f"there is a repository {self._owner}/{self._name}, and the token can't see it"
            raise Terminal(what, where=self._client.url, mend=f"give {login} access to it as administrator") from error

    def _refuse(self, found: Json) -> None:
        """A repository that can't hold a fleet, said before anything is changed in it."""
        for key, word in (("archived", "archived"), ("mirror", "a mirror of another one")):
            if at(found, key) is True:
                mend = "name a repository that can be pushed to"
                raise Terminal(
                    f"the repository {self._owner}/{self._name} is {word}", where=self._client.url, mend=mend
                )
        if at(found, "permissions", "admin") is False:
            mend = "make them administrators of it in its settings (Collaborators), or use a token of its owner"
            what = f"the token's user may not set up {self._owner}/{self._name}: webhooks need an administrator"
            raise Terminal(what, where=self._client.url, mend=mend)


def _fault(hook: Json) -> str:
    """What is not as we need it. The secret can't be read back."""
    known = at(hook, "events")
    events = {str(name).removesuffix("_only") for name in known} if isinstance(known, list) else set()
    missing = [name for event in EVENTS if (name := event.removesuffix("_only")) not in events]
    if at(hook, "active") is False:
        return "was switched off"
    if text_at(hook, "config", "content_type") != "json":
        return "did not send JSON"
    if missing:
        return f"did not tell of {', '.join(missing)}"
    if text_at(hook, "branch_filter") not in _ALL_BRANCHES:
        return "told of some branches only"
    return ""
