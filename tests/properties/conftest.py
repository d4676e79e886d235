"""How many examples a property is tried with: HYPOTHESIS_PROFILE=dev (50, the default), ci (400) or night (1,600).

The four properties of `test_agreement.py` are each tried with every mode of every provider, 64 in all: that is 3,200
bodies, 25,600 or 102,400. Measured on two cores with `-n 2`: dev half a minute, ci 4 min 40 s, night 13 min 44 s.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

#: No deadline: the machine may be busy. Drawing a request compiles the schema of its rule once.
for name, examples in {"dev": 50, "ci": 400, "night": 1_600}.items():
    settings.register_profile(
        name, max_examples=examples, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
    )
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))
