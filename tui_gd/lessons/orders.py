"""Orders: what a lesson does to a run, in the words of `gd-tui --plain`."""

from dataclasses import dataclass

from tui_gd.errors import ProblemError
from tui_gd.learning import LOSSES, OPTIMIZERS
from tui_gd.session import commands, readers
from tui_gd.training.trainer import Trainer

MOST_EPOCHS = 1_000_000
WORDS = ("step", "run", "back", "goto", "alpha", "branch", "reset", "new")


@dataclass(frozen=True, slots=True)
class Order:
    """One word and its argument: a number of epochs, an epoch, a learning rate, or a name."""

    name: str
    number: float = 0.0
    method: str = ""

    @property
    def epochs(self) -> int:
        """How many epochs the order goes forward."""
        return int(self.number) if self.name in {"step", "run"} else 0

    def command(self, epoch: int) -> commands.Command:
        """Return the command that does it to a run on the screen, which is at `epoch`.

        A later order ends a seek where it is, but never a step back: so an earlier epoch is
        reached by steps.
        """
        match self.name:
            case "step" | "run":
                return commands.Step(int(self.number))
            case "back":
                return commands.StepBack(int(self.number))
            case "goto":
                back = epoch - int(self.number)
                return commands.StepBack(back) if back > 0 else commands.GoTo(int(self.number))
            case "alpha":
                return commands.SetLearningRate(self.number)
            case "branch":
                optimizer = self.method if self.method in OPTIMIZERS else None
                loss = self.method if self.method in LOSSES else None
                return commands.Branch(optimizer, loss, self.number or None)
            case _:
                return commands.Reset(new_start=self.name == "new")

    def carry_out(self, trainer: Trainer, seed: int) -> int:
        """Do it to a trainer whose newest random start is of `seed`; return the seed after it."""
        position = trainer.position(trainer.current) or 0
        match self.name:
            case "step" | "run":
                trainer.advance(int(self.number))
            case "back":
                trainer.back(int(self.number))
            case "goto":
                trainer.go_to(int(self.number))
            case "alpha":
                trainer.set_learning_rate(self.number, position)
            case "branch":
                optimizer = self.method if self.method in OPTIMIZERS else None
                loss = self.method if self.method in LOSSES else None
                new = trainer.branch(position, self.number or None, optimizer=optimizer, loss=loss)
                trainer.current = trainer.lanes[new].number
            case "reset":
                trainer.reset()
            case "new":
                seed += 1
                trainer.reset(seed)
        return seed


def read_order(text: str) -> Order:
    """Read an order; `ProblemError` says what is wrong with it.

    >>> read_order("run 20"), read_order("alpha 0.09").number
    (Order(name='run', number=20.0, method=''), 0.09)
    """
    name, _, argument = text.partition(" ")
    argument = argument.strip()
    if name not in WORDS:
        raise ProblemError(f"{name[:20]!a} is none of {', '.join(WORDS)}")
    if name in {"reset", "new"}:
        if argument:
            raise ProblemError(f"nothing follows {name}")
        return Order(name)
    if name == "branch" and (not argument or argument in {*OPTIMIZERS, *LOSSES}):
        return Order(name, 0.0, argument)
    if name in {"alpha", "branch"}:
        return Order(name, _rate(argument, name))
    if name in {"step", "back"} and not argument:
        return Order(name, 1.0)
    if not (argument.isdecimal() and argument.isascii() and len(argument) < 8):
        raise ProblemError(f"{name} needs a number of epochs, as {name} 20")
    number = int(argument)
    if not (name == "goto" or number) or number > MOST_EPOCHS:
        raise ProblemError(f"{name} takes 1 to {MOST_EPOCHS} epochs")
    return Order(name, float(number))


def _rate(text: str, name: str) -> float:
    try:
        return readers.number(0, above=True).typed(text)
    except ValueError:
        raise ProblemError(f"{name} needs a learning rate, as {name} 0.03") from None
