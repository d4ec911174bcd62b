"use strict";
(function () {
  // What certificates and logs say is put in as text, and never as HTML.
  var data = JSON.parse(document.getElementById("data").textContent);
  var certificates = data.certificates;
  var now = Date.parse(data.at);
  var shapes = {usable: "●", expired: "■", "not-yet-valid": "○", unusable: "✕", revoked: "⊘"};
  var year = 365.25 * 86400000;

  function element(name, parts, attributes) {
    var made = document.createElement(name);
    [].concat(parts === undefined ? [] : parts).forEach(function (part) { made.append(part); });
    Object.keys(attributes || {}).forEach(function (key) { made.setAttribute(key, attributes[key]); });
    return made;
  }

  function drawn(name, attributes, parent) {
    var made = document.createElementNS("http://www.w3.org/2000/svg", name);
    Object.keys(attributes).forEach(function (key) { made.setAttribute(key, attributes[key]); });
    if (parent) { parent.append(made); }
    return made;
  }

  function at(id) { return document.getElementById(id); }
  function day(text) { return text === null ? "(no valid time)" : text.slice(0, 10); }
  function name(one) { return one.addresses[0] || one.subject || "(no subject)"; }
  function compare(a, b) { return a < b ? -1 : a > b ? 1 : 0; }
  function plural(count, what) { return count + " " + what + (count === 1 ? "" : "s"); }

  function state(one) {
    return element("span", [element("span", shapes[one.state] + " ", {"aria-hidden": "true"}), one.state],
                   {class: "state " + one.state});
  }

  function link(one) {
    return element("a", name(one), {href: "#c-" + one.fingerprint});
  }

  // The years that a time line shows: some three before today and five after it.
  var from = now, to = now;
  certificates.forEach(function (one) {
    from = Math.min(from, Date.parse(one.not_before) || now);
    to = Math.max(to, Date.parse(one.not_after) || now);
  });
  from = Math.max(from, now - 3 * year);
  to = Math.max(Math.min(to, now + 5 * year), now + year);

  function place(moment) {
    return Math.max(0, Math.min(1000, 1000 * (moment - from) / (to - from)));
  }

  function timeline(one) {
    var line = drawn("svg", {viewBox: "0 0 1000 10", preserveAspectRatio: "none", "aria-hidden": "true"});
    var begin = place(Date.parse(one.not_before) || from);
    var end = place(Date.parse(one.not_after) || from);
    drawn("rect", {class: "track", x: 0, y: 4, width: 1000, height: 2}, line);
    drawn("rect", {class: "valid", x: begin, y: 2, width: Math.max(end - begin, 2), height: 6}, line);
    drawn("rect", {class: "today", x: place(now) - 1.5, y: 0, width: 3, height: 10}, line);
    return line;
  }

  function findings(one) {
    return element("ul", one.findings.map(function (finding) {
      return element("li", ({deny: "refused", warn: "warning", note: "note"}[finding.severity] + ": ") + finding.fault +
                     " [" + finding.rule + "]; " + finding.remedy);
    }));
  }

  function card(one) {
    var made = element("article", [], {class: "one", id: "c-" + one.fingerprint, "aria-label": name(one)});
    made.append(element("p", [state(one), " · " + one.role + (one.uses.length ? " · may " + one.uses.join(", ") : "") +
                              (one.vouches ? " · vouches for others" : "")]));
    made.append(element("p", (one.subject || "(no subject)") + ", serial " + one.serial));
    if (one.addresses.length > 1) { made.append(element("p", "also " + one.addresses.slice(1).join(", "))); }
    made.append(element("p", "valid from " + day(one.not_before) + " to " + day(one.not_after) + ", " +
                        (one.origin || "uploaded") + " " + day(one.uploaded)), timeline(one));
    if (one.findings.length) { made.append(findings(one)); }
    made.append(element("p", "issued by " + (one.issuer || "(no name)") + "; SHA-256 " + one.fingerprint,
                        {class: "soft"}));
    return made;
  }

  function summary() {
    var counts = {};
    certificates.forEach(function (one) {
      var key = one.role + ", " + one.state;
      counts[key] = counts[key] || {one: one, count: 0};
      counts[key].count++;
    });
    at("about").textContent = "Keyring " + data.keyring + ", " + data.at + ", smime-policy " + data.policy + ".";
    if (data.copy) {
      at("summary").append(element("li", "A copy of the hub " + data.copy.hub + ", realm " + data.copy.realm +
        ", revision " + data.copy.revision + "; last contact: " + (data.copy.contact || "never") +
        (data.copy.stale ? "; it is stale" : "")));
    }
    Object.keys(counts).sort().forEach(function (key) {
      at("summary").append(element("li", [counts[key].one.role + ": " + counts[key].count + " ",
                                          state(counts[key].one)]));
    });
    if (!certificates.length) { at("summary").append(element("li", "The keyring is empty.")); }
    if (data.crls.length) { at("summary").append(element("li", plural(data.crls.length, "CRL"))); }
    data.crls.forEach(function (one) {
      var said = {ends: "ends on " + one.next_update, stale: "stale since " + one.next_update, damaged: one.why};
      if (said[one.state]) {
        at("summary").append(element("li", "CRL of " + (one.issuer || one.file) + ": " + said[one.state]));
      }
    });
  }

  function next() {
    var soon = certificates.filter(function (one) { return Date.parse(one.not_after) >= now; });
    soon.sort(function (a, b) { return compare(Date.parse(a.not_after), Date.parse(b.not_after)); });
    var rows = soon.slice(0, 20).map(function (one) {
      var left = Math.floor((Date.parse(one.not_after) - now) / 86400000);
      return element("li", [link(one), ": " + day(one.not_after) + ", " + plural(left, "day") + " left", timeline(one)]);
    });
    if (!rows.length) {
      at("next").append(element("p", "Nothing that is valid is left to expire."));
      return;
    }
    var axis = [from, (from + to) / 2, to].map(function (moment) {
      return element("span", new Date(moment).toISOString().slice(0, 10));
    });
    at("next").append(element("p", "Bars show when each is valid; the mark across is today, " + day(data.at) + "."),
                      element("div", axis, {class: "axis"}), element("ul", rows));
  }

  var groups = [];

  function list() {
    var sorted = certificates.slice().sort(function (a, b) {
      return compare(a.role === "ca", b.role === "ca") || compare(name(a), name(b)) ||
             compare(b.not_after, a.not_after);
    });
    sorted.forEach(function (one) {
      var group = groups[groups.length - 1];
      if (!group || group.name !== name(one)) {
        group = {name: name(one), cards: [], section: element("div", element("h3", name(one)), {class: "address"})};
        groups.push(group);
        at("list").append(group.section);
      }
      var made = card(one);
      group.section.append(made);
      group.cards.push({element: made, one: one, text: (made.textContent + " " + one.addresses.join(" ")).toLowerCase()});
    });
    ["state", "role"].forEach(function (key) {
      var values = {};
      certificates.forEach(function (one) { values[one[key]] = true; });
      Object.keys(values).sort().forEach(function (value) { at(key).append(element("option", value)); });
    });
  }

  function filter() {
    var words = at("text").value.toLowerCase().split(/\s+/);
    var wanted = {state: at("state").value, role: at("role").value};
    var count = 0;
    groups.forEach(function (group) {
      var shown = group.cards.map(function (card) {
        return (!wanted.state || card.one.state === wanted.state) &&
               (!wanted.role || card.one.role === wanted.role) &&
               words.every(function (word) { return card.text.includes(word); });
      });
      group.section.hidden = !shown.includes(true);
      if (group.section.hidden) { return; }
      group.cards.forEach(function (card, index) {
        card.element.hidden = !shown[index];
        count += shown[index] ? 1 : 0;
      });
    });
    at("count").textContent = count + " of " + plural(certificates.length, "certificate");
  }

  // A link to a certificate that the filter hides shows it all the same.
  function reveal() {
    var target = location.hash && at(location.hash.slice(1));
    if (target && !target.offsetParent) {
      at("filter").reset();
      filter();
      target.scrollIntoView();
    }
  }

  function branch(one, below) {
    var label = element("span", [link(one), " ", state(one)]);
    var children = below[one.fingerprint] || [];
    if (!children.length) { return element("li", label); }
    var details = element("details", element("summary", [label, " · " + plural(children.length, "certificate")]));
    // What is below is made when it is opened for the first time: there may be thousands.
    details.addEventListener("toggle", function () {
      if (details.children.length === 1) {
        details.append(element("ul", children.map(function (child) { return branch(child, below); })));
      }
    });
    details.open = children.length <= 20;
    return element("li", details);
  }

  function chains() {
    var below = {}, known = {}, roots = [], strangers = {};
    certificates.forEach(function (one) { known[one.fingerprint] = true; });
    certificates.forEach(function (one) {
      if (one.issued_by !== null && known[one.issued_by] && one.issued_by !== one.fingerprint) {
        (below[one.issued_by] = below[one.issued_by] || []).push(one);
      } else if (one.role === "ca" || one.issuer === one.subject) {
        roots.push(one);
      } else {
        (strangers[one.issuer] = strangers[one.issuer] || []).push(one);
      }
    });
    var tree = element("ul", roots.map(function (one) { return branch(one, below); }));
    Object.keys(strangers).sort().forEach(function (issuer) {
      var details = element("details", [
        element("summary", "not in the keyring: " + (issuer || "(no name)") + " · " +
                plural(strangers[issuer].length, "certificate")),
        element("ul", strangers[issuer].map(function (one) { return branch(one, below); }))]);
      tree.append(element("li", details));
    });
    at("chains").append(certificates.length ? tree : element("p", "There are none."));
  }

  function table(title, column, rows) {
    var cells = rows.map(function (row) {
      return element("tr", [element("th", row.name, {scope: "row"}), element("td", String(row.refused), {class: "number"}),
                            element("td", String(row.observed), {class: "number"})]);
    });
    var head = element("tr", [element("th", column, {scope: "col"}),
                              element("th", "refused", {scope: "col", class: "number"}),
                              element("th", "observed", {scope: "col", class: "number"})]);
    return element("table", [element("caption", title), element("thead", head), element("tbody", cells)]);
  }

  function log() {
    var log = data.log;
    var said = log.file === null ? "No decision log is kept: the setting decision_log is not set."
      : "The decision log " + log.file + " has " + log.refused + " refused and " + log.observed +
        " observed since " + day(log.since) + "." +
        (log.skipped ? " " + plural(log.skipped, "line") + " could not be read." : "") +
        (log.unreadable ? " It was not read to its end: " + log.unreadable + "." : "");
    function most(a, b) { return b.refused - a.refused || b.observed - a.observed || compare(a.name, b.name); }
    at("logged").textContent = said;
    if (log.refused + log.observed === 0) { return; }
    at("log").append(table("By rule", "Rule", log.rules.sort(most)),
                     table("By program", "Program", log.programs.sort(most)),
                     table("By day", "Day", log.days.sort(function (a, b) { return compare(a.name, b.name); })),
                     table("By certificate", "Certificate", log.certificates.sort(most).slice(0, 100)));
  }

  summary();
  next();
  list();
  filter();
  chains();
  log();
  at("filter").addEventListener("input", filter);
  at("filter").addEventListener("submit", function (event) { event.preventDefault(); });
  addEventListener("hashchange", reveal);
}());
