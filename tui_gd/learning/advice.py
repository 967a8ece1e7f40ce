"""What a verdict advises, in words that leave open by which key or command it is done.

What is to be done stands in braces, as `{rescue}`; who shows an advice puts there what a person
presses or types for it (`str.format_map`). The rest of it reads on from there.
"""

RUN = "{run} to train, or {step} for one epoch"
GO_BACK = "{rescue} to go back with α/10"
FALLS_NOW = "{run} or {reset}: with this α the loss falls"
LOWER, RAISE = "{lower} to lower α", "{raise} to raise α"
OTHER_START = "{new_start} for another start"
MAY_END_LOWER = "{new_start}: another start may end lower"
CROSS_ENTROPY = "{choose_loss} for cross-entropy: it has no such plateau"
MOMENTUM = "{choose_optimizer} for momentum or adam: faster here"
LEAVE_SADDLE = "{choose_optimizer} for momentum, or {new_start} for another start"
EARLIER = "{back} to go back"

DOINGS = (
    "run",
    "step",
    "back",
    "rescue",
    "reset",
    "new_start",
    "raise",
    "lower",
    "type_rate",
    "choose_loss",
    "choose_optimizer",
    "go_to",
)
"""All that can stand in braces."""


def back_to(epoch: int) -> str:
    """Advise to go back to an epoch."""
    return f"{{go_to}} to go back to epoch {epoch}"


def begin_below(rate: float) -> str:
    """Advise to begin again with a learning rate below `rate`."""
    return f"{{reset}} to begin again, {{type_rate}} for an α below {rate:.2g}"
