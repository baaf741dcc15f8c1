"""How many examples the properties of the plan take: the full number here, a few where many mutants are run."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, Phase, settings

_SLOW = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much)
settings.register_profile("plan", max_examples=60, deadline=None, suppress_health_check=_SLOW)
settings.register_profile("mutants", max_examples=25, deadline=None, suppress_health_check=_SLOW, derandomize=True)
settings.register_profile("long", max_examples=2000, deadline=None, suppress_health_check=_SLOW)
_QUICK = (Phase.explicit, Phase.generate)
settings.register_profile("quick", parent=settings.get_profile("plan"), phases=_QUICK, max_examples=int(os.environ.get("PLAN_EXAMPLES", "60")))
settings.load_profile(os.environ.get("PLAN_PROFILE", "plan"))
