"""One secret as it is kept: its value, and during a rotation the value beside it. Pure."""

import secrets as csprng
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Step = Literal["accept", "use", "drop"]
STEPS: tuple[Step, ...] = ("accept", "use", "drop")


def password() -> str:
    """256 bits from the system's CSPRNG, in characters every configuration file takes unquoted."""
    return csprng.token_urlsafe(32)


class Secret(BaseModel):
    """A value with its number (1 for the first, one more for each that follows) and when it was made.

    step: where a rotation stands. accept: `other` is the coming value, let in beside this one. use: `other`
    is the one before, still let in. drop: `other` counts no more, and is kept until no node has it. None:
    no rotation, and no other. made: ISO 8601; empty when nobody noted it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)

    value: Annotated[str, Field(min_length=1, repr=False)]
    made: str = ""
    number: Annotated[int, Field(ge=1)] = 1
    step: Step | None = None
    other: Annotated[str, Field(repr=False)] = ""

    @property
    def valid(self) -> dict[int, str]:
        """The values to let in now, by number; the one to use comes first."""
        beside = {"accept": {self.number + 1: self.other}, "use": {self.number - 1: self.other}}
        return {self.number: self.value, **beside.get(self.step or "", {})}

    @property
    def texts(self) -> tuple[str, ...]:
        """Everything here that nobody else may read."""
        return tuple(filter(None, (self.value, self.other)))

    def after(self, fresh: str, now: datetime) -> "Secret":
        """The next step of a rotation. fresh: the coming value, which only the first step takes."""
        moment = now.isoformat(timespec="seconds")
        if self.step is None:
            return self.model_copy(update={"step": "accept", "other": fresh})
        if self.step == "accept":
            changed = {"value": self.other, "other": self.value, "number": self.number + 1, "made": moment}
            return self.model_copy(update={"step": "use", **changed})
        if self.step == "use":
            return self.model_copy(update={"step": "drop"})
        return self.model_copy(update={"step": None, "other": ""})

    def plain(self) -> dict[str, Any]:
        """As it is written down; what is not there is left out."""
        return self.model_dump(exclude_defaults=True)


def read(plain: Any) -> Secret:
    """What is written down: a map, or the value alone. Raises ValueError when it is neither."""
    return Secret.model_validate({"value": plain} if isinstance(plain, str) else plain)
