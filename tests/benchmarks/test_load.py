"""What wrk reports is read right, and figures of errors are no figures."""

from __future__ import annotations

import click
import pytest

from benchmarks.load import Load, read_report

REPORT = """\
Running 4s test @ http://127.0.0.1:8000/healthz
  1 threads and 16 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency    16.93ms   10.01ms 139.86ms   84.11%
    Req/Sec     0.97k   234.54     1.35k    62.50%
  Latency Distribution
     50%  950.00us
     75%   19.43ms
     90%   25.95ms
     99%    1.05s
  3882 requests in 4.01s, 0.98MB read
Requests/sec:    968.61
Transfer/sec:    251.40KB
"""


def test_report_is_read_in_milliseconds() -> None:
    """Whatever unit wrk finds fit, ours is one."""
    assert read_report(REPORT) == pytest.approx(Load(3882, 968.61, 0.95, 1050.0))


@pytest.mark.parametrize(
    "line",
    ["  Non-2xx or 3xx responses: 7\n", "  Socket errors: connect 0, read 3, write 0, timeout 1\n"],
)
def test_errors_are_no_figures(line: str) -> None:
    """A report that tells of errors is refused with their number."""
    with pytest.raises(click.ClickException, match=line.strip()):
        read_report(REPORT + line)
    with pytest.raises(click.ClickException, match="unable to connect"):
        read_report("unable to connect to 127.0.0.1:1 Connection refused\n")
