"""`python -m knote bootstrap`: brings empty or existing stores to the state that the API needs.

Any number of times, by any number of jobs at once: each step looks at what is there, and changes what
differs.
"""

from knote.bootstrap.run import bootstrap
from knote.bootstrap.settings import BootstrapSettings

__all__ = ["BootstrapSettings", "bootstrap"]
