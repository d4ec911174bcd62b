# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
#
# awk -v out=DIR -v version=VERSION -f commands.awk commands.man general.txt NAME.txt...
#
# Writes the page smime-policy-NAME.1 of each command into DIR, from its help and what commands.man
# adds, and `commands`, the rows of all pages for smime-policy(1).
#
# A help is: the usage; paragraphs; rows "  TERM  meaning", whose meaning may begin on the next
# line, with or without a line "Which rows:" above them; more paragraphs; examples.  The exit codes are the last lines of general.txt.

# Text for roff.  With |options|, what begins with a dash is an option and in bold.
function roff(text, options,    done) {
    gsub(/\\/, "\\e", text)
    gsub(/…/, "...", text)
    if (options)
        while (match(text, /(^|[ ([|])--?[A-Za-z][A-Za-z-]*/)) {
            first = substr(text, RSTART, 1)
            word = substr(text, RSTART, RLENGTH)
            if (first == "-")
                first = ""
            else
                word = substr(word, 2)
            done = done substr(text, 1, RSTART - 1) first bold(word)
            text = substr(text, RSTART + RLENGTH)
        }
    return done text
}

function bold(word) {
    gsub(/-/, "\\-", word)
    return "\\fB" word "\\fR"
}

# A line of prose: `code` is bold, and so is an option.
function prose(text,    parts, count, i, line) {
    count = split(text, parts, "`")
    for (i = 1; i <= count; i++)
        line = line (i % 2 ? roff(parts[i], 1) : bold(roff(parts[i])))
    return line ~ /^[.']/ ? "\\&" line : line
}

# A term or a usage: options bold, and VALUES italic.
function term(text,    line) {
    text = roff(text, 1)
    gsub(/-- /, bold("--") " ", text)
    while (match(text, /(^|[^A-Za-z\\])[A-Z][A-Z]+/)) {
        start = RSTART + (substr(text, RSTART, 1) !~ /[A-Z]/)
        line = line substr(text, 1, start - 1) "\\fI" \
            substr(text, start, RSTART + RLENGTH - start) "\\fR"
        text = substr(text, RSTART + RLENGTH)
    }
    return line text
}

function literal(text) {
    text = roff(text)
    gsub(/-/, "\\-", text)
    return text ~ /^[.']/ ? "\\&" text : text
}

function usage(text,    name) {
    sub(/^Usage:/, "", text)
    sub(/^ +/, "", text)
    name = text
    if (match(text, /^smime-policy [a-z|]+/)) {
        name = substr(text, 1, RLENGTH)
        return ".HP\n" bold(name) term(substr(text, RLENGTH + 1)) "\n"
    }
    return ".HP\n" term(text) "\n"
}

function end_page(    file, title) {
    if (page == "" || page == "general")
        return
    sub(/([:;(]|[.] |[.]$).*/, "", summary)
    sub(/ +$/, "", summary)
    summary = tolower(substr(summary, 1, 1)) substr(summary, 2)
    name = "smime-policy-" page
    title = toupper(name)
    gsub(/-/, "\\-", name)
    file = out "/smime-policy-" page ".1"
    printf "%s", ".\\\" Copyright 2026 The smime-policy authors\n" \
        ".\\\" SPDX-License-Identifier: Apache-2.0\n" \
        ".TH " title " 1 2026-11-29 \"smime-policy " version "\"\n" \
        ".SH NAME\n" name (page == "cms" ? ", smime\\-policy\\-smime" : "") " \\- " summary "\n" \
        ".SH SYNOPSIS\n" synopsis ".SH DESCRIPTION\n" description more[page] > file
    if (rows != "")
        printf "%s", ".SH OPTIONS\n" rows > file
    if (examples != "")
        printf "%s", ".SH EXAMPLES\n.nf\n" examples ".fi\n" > file
    printf "%s", ".SH EXIT STATUS\n" codes ends[page] \
        ".SH SEE ALSO\n.BR smime\\-policy (1),\n.BR smime\\-policy.cnf (5),\n" \
        ".BR smime\\-policy\\-rules (7),\n.BR openssl\\-cms (1)\n" > file
    close(file)
    print ".TP\n.BR " name " (1)\n" summary > (out "/commands")
}

# commands.man
FILENAME ~ /commands[.]man$/ {
    if (/^[.]\\" (command|exit): [a-z]+$/) {
        part = $3
        kind = $2
    } else if (kind == "command:")
        more[part] = more[part] $0 "\n"
    else if (kind == "exit:")
        ends[part] = ends[part] $0 "\n"
    next
}

FNR == 1 {
    end_page()
    count = split(FILENAME, path, "/")
    page = path[count]
    sub(/[.]txt$/, "", page)
    sub(/^names$/, "cms", page)
    synopsis = description = rows = examples = summary = ""
    where = "usage"
    gap = told = 0
}

page == "general" {
    if (sub(/^Exit codes: /, ""))
        where = "codes"
    if (where == "codes") {
        sub(/; under .*/, ".")
        all = all " " $0
        if (/[.]$/) {
            gsub(/[.]$/, "", all)
            count = split(all, code, ", ")
            for (i = 1; i <= count; i++) {
                sub(/^ +/, "", code[i])
                codes = codes ".TP\n.B " substr(code[i], 1, 1) "\n" substr(code[i], 3) "\n"
            }
            where = ""
        }
    }
    next
}

where == "usage" && /^$/ { where = "text"; next }
where == "usage" { synopsis = synopsis usage($0); next }

/^Examples?:$/ { where = "examples"; next }
where == "examples" { sub(/^  /, ""); examples = examples literal($0) "\n"; next }

/^$/ {
    if (where == "row")
        where = "text"
    gap = description != ""
    next
}

# A line above rows that says what they are
/^[A-Z][a-z ]*:$/ {
    sub(/:$/, "")
    rows = rows ".SS " $0 "\n"
    next
}

# "  TERM  meaning"
/^  [^ ]/ {
    where = "row"
    text = substr($0, 3)
    meaning = ""
    if (match(text, /  +/)) {
        meaning = substr(text, RSTART + RLENGTH)
        text = substr(text, 1, RSTART - 1)
    }
    rows = rows ".TP\n" term(text) "\n" (meaning != "" ? prose(meaning) "\n" : "")
    next
}
where == "row" && /^   / { sub(/^ +/, ""); rows = rows prose($0) "\n"; next }

{
    if (summary == "" || !gap && !told)
        summary = summary (summary != "" ? " " : "") $0
    else
        told = 1
    description = description (gap ? ".PP\n" : "") prose($0) "\n"
    gap = 0
}

END { end_page() }
