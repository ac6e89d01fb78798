"""Pushing `planhat.*` to Segment, and `to_planhat.*` to Planhat: plan, deliver, report.

Whoever pushes calls these functions and nothing else. `url` is the warehouse's connection string,
`to` a destination of `include.connections`, `say` takes one line for a person's eyes.

At once, for a command line (`make plan`, `make push`)::

    from include.push.push import push

    push(url, to, settings, *, models=None, limit=None, full=False, dry_run=False,
         plan_file=None, retire=None, requested_by, trigger="command", say=print) -> Report

Step by step, for a DAG; each step may be run again after it was interrupted::

    from include.push.steps import open_run, plan_run, deliver_model, finish_run
    from include.push.preparing import prepare_run, take_receipts
    from include.push.runs import active_run, close_run, queue_run

    queue_run(url, to, *, trigger, requested_by) -> int
    open_run(url, to, *, trigger, requested_by, owner, models=None, limit=None, full=False,
             dry_run=False, run_id=None) -> int
    prepare_run(url, to, settings, run_id)
    plan_run(url, settings, run_id, *, say=print) -> list[dict]
    deliver_model(url, to, run_id, model, first=1, last=None, *, say=print) -> dict[str, int]
    take_receipts(url, to, run_id, *, say=print)
    finish_run(url, run_id, *, say=print) -> Report
    close_run(url, run_id, status, reason) -> bool
    active_run(url, to) -> ActiveRun | None

Stopping, from anywhere::

    from include.push.cancel import cancel_run
    from include.push.resync import take_back

    cancel_run(url, run_id, requested_by) -> bool
    take_back(url, to, requested_by) -> list[Interrupted]

`docs/python.md` says what each one takes, returns and raises.
"""
