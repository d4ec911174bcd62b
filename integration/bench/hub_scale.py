#!/usr/bin/python3
# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""
hub_scale.py FILE: prints docs/results/scale.md, from what hub_measure.py has measured.  Every number of
that page comes from here.
"""

import json
import sys
from pathlib import Path

HOSTS = 1000
CERTIFICATES = 10 ** 9
REALM = 10 ** 7  # certificates of one realm, when there are so many
NETWORK = 10 ** 9 / 8  # bytes a second of the server
POLL = 30  # seconds between two questions of a host that follows
DAY = 86400

PAGE = """\
# How far one hub reaches

For whoever plans a fleet: what was measured of a [hub](../develop/hub.md), and what follows from it for
{hosts} hosts and {certificates} certificates. Written by

    integration/bench/hub.sh --document {n} {measured_hosts}

The server and all hosts were processes of one machine with {processors} processors, on Unix sockets
without TLS. The numbers are those of that machine, which did other work, too.

## Measured

{contacts} contacts, and {measured_hosts} hosts that follow. *Visible* is the time from the commit on the hub to
the last host that has stored the change, of {changes} changes.

| | |
|---|---|
{measured}

## Derived

For {hosts} hosts and {certificates} certificates, in {realms} realms of {realm} each. A host has one
realm. What is derived is the measured value times the number of certificates or hosts; that it grows so
is an assumption beyond what was measured.

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


def rows(table):
    return "\n".join("| " + " | ".join(row) + " |" for row in table)


def page(m):
    n = m["contacts"]
    push_rate, copy_rate = n / m["push_s"], n / m["copy_s"]
    idle_day = m["idle_wire"] / m["idle_s"] * DAY
    hub_each, host_each, wire_each = m["hub_size"] / n, m["keyring_size"] / n, m["copy_wire"] / n
    told = m["told_server_cpu_s"]  # a poll asks the same
    measured = [
        ("push by one writer", f"{number(push_rate)} certificates a second"),
        ("first copy", f"{number(copy_rate)} certificates a second, {size(m['copy_memory'])} of memory at most"),
        ("first copy, bytes from and to the hub", f"{size(wire_each)} a certificate"),
        ("`sync` without a change", f"{seconds(m['sync_s'])}, {seconds(m['sync_cpu_s'])} of a processor on the host, "
         f"{seconds(m['sync_server_cpu_s'])} on the server, {size(m['sync_wire'])}"),
        ("`sync --whole` without a difference", seconds(m["whole_s"])),
        ("upload of one certificate through the hub", seconds(m["upload_s"])),
        ("visible on the last host", f"median {seconds(m['visible_median_s'])}, p99 {seconds(m['visible_p99_s'])}, "
         f"longest {seconds(m['visible_longest_s'])}"),
        ("a host hears of a change and takes it", f"{seconds(told)} of a processor on the server"),
        ("a change of another realm, for each host", f"{seconds(m['other_server_cpu_s'])} of a processor on the server"),
        (f"an idle host that follows, in {m['idle_s']} s", size(m["idle_wire"])),
        ("an open connection", f"{size(m['connection_memory'])} of the server's memory"),
        ("on the hub's disk", f"{size(hub_each)} a certificate"),
        ("on a host's disk", f"{size(host_each)} a certificate"),
    ]
    derived = [
        ("hub's disk", size(hub_each * CERTIFICATES), "bytes a certificate"),
        ("a host's disk, one realm", size(host_each * REALM), "bytes a certificate"),
        ("first push of one realm", seconds(REALM / push_rate), "certificates a second"),
        ("first push of all realms, one after the other", seconds(CERTIFICATES / push_rate), "certificates a second"),
        ("first copy of one realm", seconds(REALM / copy_rate), "certificates a second"),
        ("a whole comparison of one realm", seconds(m["whole_s"] * REALM / n), "seconds of `sync --whole`"),
        ("an idle host a day", size(idle_day), "bytes in the time that was watched"),
        ("all idle hosts a day", size(idle_day * HOSTS), "the same"),
        ("polls of all hosts", f"{number(HOSTS / POLL)} a second", f"one every {POLL} s a host"),
        ("a change on the last host, median", seconds(m["visible_median_s"] * HOSTS / m["hosts"]),
         "as many times longer as there are more hosts"),
        ("a change on the last host, p99", seconds(m["visible_p99_s"] * HOSTS / m["hosts"]), "the same"),
        ("connections", size(m["connection_memory"] * HOSTS), "memory of one"),
    ]
    return PAGE.format(
        n=n, contacts=f"{n:,}", measured_hosts=m["hosts"], processors=m["processors"], changes=m["changes"], hosts=f"{HOSTS:,}",
        certificates=f"{CERTIFICATES:,}", realms=f"{CERTIFICATES // REALM:,}", realm=f"{REALM:,}",
        measured=rows(measured), derived=rows(derived), host_disk_all=size(host_each * CERTIFICATES),
        host_disk=size(host_each * REALM), copy_all=seconds(CERTIFICATES / copy_rate), copy=seconds(REALM / copy_rate),
        uploads=number(1 / m["upload_s"]), push=seconds(REALM / push_rate),
        copies_network=seconds(HOSTS * REALM * wire_each / NETWORK),
        memory=size(m["connection_memory"] * HOSTS), timer=size(m["sync_wire"] * 1440), told=seconds(told),
        changes_second=number(1 / (told * HOSTS)), changes_realms=number(CERTIFICATES // REALM / (told * HOSTS)),
        other=seconds(m["other_server_cpu_s"]), polled=number(POLL / told), push_rate=number(push_rate),
        polls=number(HOSTS / POLL * told))


if __name__ == "__main__":
    print(page(json.loads(Path(sys.argv[1]).read_text())), end="")
