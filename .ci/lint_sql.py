"""`sqlfluff` with a memory, given the same arguments.

It compiles every macro of the project anew for each file that it reads: two fifths of its time.
Here each text is compiled once a process.
"""

from typing import Any

from jinja2.sandbox import SandboxedEnvironment

_compile = SandboxedEnvironment.compile
_compiled: dict[str, Any] = {}


def _compile_once(environment: Any, source: Any, *named: Any, **options: Any) -> Any:
    # all its environments are of one configuration; what else is said is not of a file's text
    if named or options or not isinstance(source, str):
        return _compile(environment, source, *named, **options)
    if source not in _compiled:
        _compiled[source] = _compile(environment, source)
    return _compiled[source]


# here, so that its processes, which import this file, do it as well
SandboxedEnvironment.compile = _compile_once  # type: ignore[method-assign,assignment]

if __name__ == "__main__":
    from sqlfluff.cli.commands import cli

    cli()
