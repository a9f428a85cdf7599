"""What every model of the topology is made from."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from cluster_cli.topology.fields import Name

DEFAULT_USER = "admin"  # whom we log in as where ssh.user says nothing
NodeList = Annotated[tuple[Name, ...], Field(min_length=1)]
Weight = Annotated[int, Field(ge=0, le=256, strict=True)]
Count = Annotated[int, Field(ge=1, le=100, strict=True)]


class Model(BaseModel):
    """Frozen, and an unknown key is an error. Built with the topology it is in, not once more alone."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, defer_build=True)
