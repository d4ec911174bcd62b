#!/usr/bin/python3
# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""
hub_scale.py KEPT [MEASURED]: adds to KEPT what hub_measure.py has measured, in place of a run with as many
contacts, and prints docs/results/scale.md.  Every number of that page comes from here.
"""

import json
import sys
import textwrap
from pathlib import Path

HOSTS = 1000
CERTIFICATES = 10 ** 9
FEW = 10 ** 4  # contacts of the realm that look-ups are compared with
REALM = 10 ** 7  # certificates of one realm, when there are so many
NETWORK = 10 ** 9 / 8  # bytes a second of the server
POLL = 30  # seconds between two questions of a host that follows
DAY = 86400

PAGE = """\
# How far one hub reaches

For whoever plans a fleet: what was measured of a [hub](../develop/hub.md), and what follows from it for
{hosts} hosts and {certificates} certificates. Written by

{commands}

The server and all hosts were processes of one machine with {processors} processors, on Unix sockets
without TLS. Other programs worked there at the same time, and took what the first row says, on
average. So the seconds are those of a busy machine. The times of a processor depend little on that.

## Measured

The columns are runs with as many contacts on the hub, in one realm.{rows} *Visible* is the time from
the commit on the hub to the last host that has stored the change, of {changes} changes. It was
measured twice: with hosts that have all contacts (their keyrings are copies of the first host's
file), and with {measured_hosts} hosts of a small realm beside it, which has the {changes} changes alone.
Where a run did not measure something, it has a dash.

{measured}

## Derived

For {hosts} hosts and {certificates} certificates, in {realms} realms of {realm} each. A host has one
realm. What is derived is the measured value times the number of certificates or hosts, from the largest
run that has it ({largest} contacts, or {pushed} for a push). That it grows so beyond this is an assumption.

| | | how |
|---|---|---|
{derived}

## What it needs

- **Partitions by realm.** No host should hold {certificates} certificates: it would need
  {host_disk_all}, and {copy_all} for its first copy. A realm of {realm} needs {host_disk} and {copy}.
  What is in one realm is not found from another.
- **Copies that do not start at once.** {hosts} first copies of such a realm need {copies_network} of a
  network of 1 Gbit/s. New hosts should be added in groups.
- **Uploads of many certificates.** One writer made {uploads} uploads of one certificate a second, and
  stored {push_rate} certificates a second in one push. Writers of one realm wait for each other from
  their last statement to the commit, and those of different realms do not.
- **Memory for connections.** Each host that follows keeps one open: {memory} in all. `max_connections`
  has to allow it. A timer with `sync` keeps none open, and transfers {timer} a host and day at one run a
  minute.

## Where it ends

- **Fan-out.** Each host hears of each change of its realm, and asks. That takes {told} of a processor
  of the server a host and change, so {hosts} hosts of one realm allow {changes_second} changes a second for
  each processor that the server has for it, and as many hosts in {realms} realms {changes_realms}. In one large
  realm this ends first. Hosts of other realms have another channel: a change takes {other} of a processor
  for each of them.
- **Polls.** One processor of the server answers the polls of {polled} hosts, and the polls of {hosts}
  hosts take {polls} of one.
- **Cascading replicas do not carry hosts.** `sync` and `sync --follow` ask the primary alone, since only
  it knows what is true, and a standby takes no LISTEN. Standbys make the hub survive. More hosts than
  one primary can serve need several hubs, each with some of the realms; a host has one of them.
- **One push is one transaction.** The first push of a realm of {realm} takes {push}, and begins anew if
  it is interrupted. A realm that large should be pushed in parts, from several keyrings.
"""


def amount(value, steps):
    """|value| in the largest unit of |steps| (factor, name) that leaves 1 at least."""
    factor, name = next(((f, n) for f, n in steps if value >= f), steps[-1])
    value /= factor
    return f"{value:,.0f} {name}" if value >= 100 else f"{value:.3g} {name}"


def seconds(value):
    return amount(value, [(DAY, "days"), (3600, "h"), (60, "min"), (1, "s"), (1e-3, "ms"), (1e-6, "µs")])


def size(value):
    return amount(value, [(1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (1, "bytes")])


def number(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def wrapped(text):
    """|text| in lines of 100 characters, except for headings, tables and commands."""
    def fill(part):
        return part if part[:1] in "#| " else textwrap.fill(
            " ".join(part.split()), 100, subsequent_indent="  " * part.startswith("- "), break_long_words=False,
            break_on_hyphens=False)

    return "\n\n".join("\n".join(map(fill, block.replace("\n- ", "\0- ").split("\0")))
                       for block in text.rstrip().split("\n\n")) + "\n"


def rows(table):
    return "\n".join("| " + " | ".join(row) + " |" for row in table)


def each(run):
    """What a run measured, for one certificate where it is for all."""
    n = run["contacts"]
    return {**run, **{f"{key}_each": run[key] / n for key in
                      ("push_s", "push_cpu_s", "push_server_cpu_s", "copy_s", "copy_cpu_s", "copy_server_cpu_s",
                       "whole_s", "hub_size", "keyring_size") if key in run}}


# A row: what, the key that it needs, and the cell.
MEASURED = [
    ("processors taken by other programs", "others", lambda m: number(m["others"])),
    ("push by one writer, certificates a second", "push_s", lambda m: number(1 / m["push_s_each"])),
    ("… processor of the host and of the server, a certificate", "push_s",
     lambda m: f"{seconds(m['push_cpu_s_each'])}, {seconds(m['push_server_cpu_s_each'])}"),
    ("rows by SQL from two writers, certificates a second", "rows_a_second", lambda m: number(m["rows_a_second"])),
    ("first copy, certificates a second", "copy_s", lambda m: number(1 / m["copy_s_each"])),
    ("… processor of the host and of the server, a certificate", "copy_s",
     lambda m: f"{seconds(m['copy_cpu_s_each'])}, {seconds(m['copy_server_cpu_s_each'])}"),
    ("… memory of the host at most", "copy_s", lambda m: size(m["copy_memory"])),
    ("… bytes from and to the hub, a certificate", "copy_s", lambda m: size(m["copy_wire"])),
    ("`sync` without a change", "sync_s", lambda m: seconds(m["sync_s"])),
    ("… processor of the host and of the server", "sync_s",
     lambda m: f"{seconds(m['sync_cpu_s'])}, {seconds(m['sync_server_cpu_s'])}"),
    ("… bytes from and to the hub", "sync_s", lambda m: size(m["sync_wire"])),
    ("`sync --whole` without a difference", "whole_s", lambda m: seconds(m["whole_s"])),
    ("look-up of an address in the copy", "look_up_us", lambda m: seconds(m["look_up_us"] / 1e6)),
    (f"… over one in a copy of {FEW:,}", "look_up_us", lambda m: f"{m['look_up_us'] / m['look_up_few_us']:.2f}"),
    ("`encrypt --to` with the copy, processor", "encrypt_ms", lambda m: seconds(m["encrypt_ms"] / 1000)),
    ("… over the same keyring without a hub", "encrypt_ms", lambda m: f"{m['encrypt_ms'] / m['encrypt_alone_ms']:.2f}"),
    ("hosts with all contacts that follow", "full", lambda m: number(m["full"])),
    ("… upload of one certificate through the hub", "full_upload_s", lambda m: seconds(m["full_upload_s"])),
    ("… visible on the last one: median, p99, longest", "full_upload_s",
     lambda m: ", ".join(seconds(m[f"full_visible_{key}_s"]) for key in ("median", "p99", "longest"))),
    ("hosts of a small realm that follow", "hosts", lambda m: number(m["hosts"])),
    ("… upload of one certificate through the hub", "hosts", lambda m: seconds(m["upload_s"])),
    ("… visible on the last one: median, p99, longest", "hosts",
     lambda m: ", ".join(seconds(m[f"visible_{key}_s"]) for key in ("median", "p99", "longest"))),
    ("a host hears of a change and takes it, processor of the server", "hosts",
     lambda m: seconds(m["told_server_cpu_s"])),
    ("a change of another realm, processor of the server for each host", "hosts",
     lambda m: seconds(m["other_server_cpu_s"])),
    ("an open connection, memory of the server", "hosts", lambda m: size(m["connection_memory"])),
    ("bytes of an idle host that follows, a day", "idle_s", lambda m: size(m["idle_wire"] / m["idle_s"] * DAY)),
    ("on the hub's disk, a certificate", "hub_size", lambda m: size(m["hub_size_each"])),
    ("on a host's disk, a certificate", "keyring_size", lambda m: size(m["keyring_size_each"])),
]


def table_of(runs):
    head = [("", *(f"{run['contacts']:,}" for run in runs)), ("---", *("---" for _ in runs))]
    return rows(head + [(what, *(cell(run) if key in run else "–" for run in runs)) for what, key, cell in MEASURED])


def command(run):
    return (f"    integration/bench/hub.sh --document {'--rows ' * run['rows']}{run['contacts']} {run.get('hosts', 0)} "
            f"{run.get('full', 0)}")


def page(kept):
    runs = [each(run) for run in sorted(kept, key=lambda run: run["contacts"])]
    m = {}
    for run in runs:
        m |= run
    push_rate, copy_rate = 1 / m["push_s_each"], 1 / m["copy_s_each"]
    idle_day = m["idle_wire"] / m["idle_s"] * DAY
    hub_each, host_each, wire_each = m["hub_size_each"], m["keyring_size_each"], m["copy_wire"]
    told = m["told_server_cpu_s"]  # a poll asks the same
    as_rows = [f"{run['contacts']:,}" for run in runs if run["rows"]]
    derived = [
        ("hub's disk", size(hub_each * CERTIFICATES), "bytes a certificate"),
        ("a host's disk, one realm", size(host_each * REALM), "bytes a certificate"),
        ("first push of one realm", seconds(REALM / push_rate), "certificates a second"),
        ("… if nothing else runs", seconds(REALM * (m["push_cpu_s_each"] + m["push_server_cpu_s_each"])),
         "processor times, one after the other"),
        ("first push of all realms, one after the other", seconds(CERTIFICATES / push_rate), "certificates a second"),
        ("first copy of one realm", seconds(REALM / copy_rate), "certificates a second"),
        ("… if nothing else runs", seconds(REALM * (m["copy_cpu_s_each"] + m["copy_server_cpu_s_each"])),
         "processor times, one after the other"),
        ("a whole comparison of one realm", seconds(m["whole_s_each"] * REALM), "seconds of `sync --whole`"),
        ("an idle host a day", size(idle_day), "bytes in the time that was watched"),
        ("all idle hosts a day", size(idle_day * HOSTS), "the same"),
        ("polls of all hosts", f"{number(HOSTS / POLL)} a second", f"one every {POLL} s a host"),
        ("a change on the last host, median", seconds(m["visible_median_s"] * HOSTS / m["hosts"]),
         "as many times longer as there are more hosts"),
        ("a change on the last host, p99", seconds(m["visible_p99_s"] * HOSTS / m["hosts"]), "the same"),
        ("connections", size(m["connection_memory"] * HOSTS), "memory of one"),
    ]
    return PAGE.format(
        commands="\n".join(map(command, runs)), processors=m["processors"], changes=m["changes"], hosts=f"{HOSTS:,}",
        rows=f" The {' and '.join(as_rows)} contacts\ngot into the hub as rows by SQL: so many were not pushed." * bool(as_rows),
        largest=f"{m['contacts']:,}", pushed=f"{max(run['contacts'] for run in runs if 'push_s' in run):,}",
        measured_hosts=m["hosts"], measured=table_of(runs), derived=rows(derived),
        certificates=f"{CERTIFICATES:,}", realms=f"{CERTIFICATES // REALM:,}", realm=f"{REALM:,}",
        host_disk_all=size(host_each * CERTIFICATES),
        host_disk=size(host_each * REALM), copy_all=seconds(CERTIFICATES / copy_rate), copy=seconds(REALM / copy_rate),
        uploads=number(1 / m["upload_s"]), push=seconds(REALM / push_rate),
        copies_network=seconds(HOSTS * REALM * wire_each / NETWORK),
        memory=size(m["connection_memory"] * HOSTS), timer=size(m["sync_wire"] * 1440), told=seconds(told),
        changes_second=number(1 / (told * HOSTS)), changes_realms=number(CERTIFICATES // REALM / (told * HOSTS)),
        other=seconds(m["other_server_cpu_s"]), polled=number(POLL / told), push_rate=number(push_rate),
        polls=number(HOSTS / POLL * told))


def main():
    kept = Path(sys.argv[1])
    runs = json.loads(kept.read_text()) if kept.exists() else []
    for path in sys.argv[2:]:
        new = json.loads(Path(path).read_text())
        runs = sorted([run for run in runs if run["contacts"] != new["contacts"]] + [new],
                      key=lambda run: run["contacts"])
        kept.write_text(json.dumps(runs, indent=1) + "\n")
    print(wrapped(page(runs)), end="")


if __name__ == "__main__":
    main()
