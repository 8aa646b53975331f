"""`loa top`: the installation at a glance, from the log, the group and the processes' metrics; no group is joined."""

from streams.readers.top.looking import Looking, looking
from streams.readers.top.picture import Picture

__all__ = ["Looking", "Picture", "looking"]
