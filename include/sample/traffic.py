"""Everything that the sample sends, in the order in which it is sent."""

from datetime import date

from include.sample import known, usage
from include.sample.calls import AnyCall
from include.sample.cases import live_cases
from include.sample.days import Days


def calls(base_date: date) -> list[AnyCall]:
    """All calls, about 20,000: as they happened, then those that arrive late.

    The same base date gives the same calls with the same message ids; an id occurs twice only in
    the case that is about it.
    """
    days = Days(base_date)
    steps = [step for case in live_cases(days) for step in case.steps]
    on_time = [step.call for step in steps if not step.is_late]
    on_time += [*known.calls(days), *usage.calls(days)]
    late = [step.call for step in steps if step.is_late]
    return sorted(on_time, key=lambda call: call.at) + late
