"""The collector: Segment calls over HTTP, durable in `raw_segment` before they are answered.

A request's way: `app` reads it, `protocol` takes it apart, `event` makes each call a row or says
what is wrong with it, `intake` lands the rows of concurrent requests in one transaction that
`landing` describes. `docs/collector.md` is the page for people who run it.
"""
