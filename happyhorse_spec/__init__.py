"""happyhorse-spec: the HappyHorse video APIs as data, a validator and a runner."""

from happyhorse_spec.check import check
from happyhorse_spec.findings import Finding

__all__ = ["Finding", "check"]
