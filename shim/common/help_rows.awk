# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
#
# Reads the help of the commands and stock/option_table.c.  Prints, with -v form=c, the texts and
# the options as help_texts.c.in has them; with form=sh or form=fish the rows for the completion, as
# a shell quotes them, a line for each: ",COMMAND,...:WORD:VALUE:MEANING".  WORD is empty for the
# command itself and "*" for its operands.
#
# A row of a help text is "  -s, --name VALUE  meaning", or has its meaning on the next line; "..."
# behind the value says that the option may be given more than once.  A row of `keyring` and
# `hub` may be another word.

function quoted(text, special, by) {
    gsub(special, by, text)
    return text
}

# A shell has room for the first clause of a meaning.
function shell_row(commands, word, value, meaning) {
    sub(/(;|: ).*|[ ,]+$/, "", meaning)
    shell = shell "," commands ",:" word ":" value ":" meaning "\n"
}

# The spelling that the code uses is the last one.
function option(spellings, value, meaning,    each, count, i, many, kind) {
    many = sub(/[.][.][.]$/, "", value)
    kind = many ? "MANY" : value != "" ? "VALUE" : "FLAG"
    count = split(spellings, each, ", ")
    for (i = 1; i <= count; i++) {
        shell_row(command, each[i], value, meaning)
        sub(/^-+/, "", each[i])
    }
    for (i = 1; i <= count; i++)
        options = options "    { \"" each[i] "\", \"" each[count] "\", OPTION_" kind " },\n"
}

# The help is filled to 80 columns: a row keeps its meaning in one column, and what stands under
# "Usage:" and "Examples:" stays as it is.
function spaces(count) { return sprintf("%" count "s", "") }
function emit(line) {
    text = text (text != "" ? "\n      " : "") "\"" \
        quoted(quoted(line, "\\\\", "&&"), "\"", "\\\"") "\\n\""
}
function end_block(    each, count, i, line) {
    count = split(block, each, " ")
    line = lead each[1]
    for (i = 2; i <= count; i++)
        if (length(line) + 1 + length(each[i]) > 80) {
            emit(line)
            line = (depth > 0 ? spaces(depth) : "") each[i]
        } else {
            line = line " " each[i]
        }
    if (count > 0)
        emit(line)
    block = lead = ""
}
function help_line(line,    from) {
    if (line == "" || line ~ /^(Usage|Examples):/) {
        end_block()
        is_plain = line != ""
    }
    if (is_plain || line == "") {
        emit(line)
        return
    }
    match(line, /^ */)
    from = RLENGTH
    # A word of an option or command begins a row; its meaning may be in the next line.
    if (from > 0 && from < 8 || block == "" || (from == 0) != (depth == 0)) {
        end_block()
        depth = from
        if (from > 0 && from < 8 && match(substr(line, from + 1), /  +/))
            depth = from + RSTART + RLENGTH - 1
        else if (from > 0 && from < 8) {
            emit(line)
            return
        }
        lead = substr(line, 1, depth)
        line = substr(line, depth + 1)
    }
    block = block " " line
}

function end_command() {
    end_block()
    if (command == "")
        return
    tables = tables "static const struct shim_option_row " name "_options[] = {\n" options \
        "    { NULL, NULL, OPTION_FLAG },\n};\n"
    texts = texts "    { \"" name "\",\n      " text ", " name "_options },\n"
    text = options = ""
}

FNR == 1 {
    end_command()
    count = split(FILENAME, path, "/")
    name = path[count]
    is_table = sub(/[.]c$/, "", name)
    sub(/[.]txt$/, "", name)
    command = is_table ? "" : name == "names" ? "cms,smime" : name
    about = waiting = 0
}

!is_table { help_line($0) }

!is_table && FNR == 1 && /SELECTOR[.][.][.]|[]] ADDRESS$/ {
    shell_row(command, "*", "ADDRESS", "")
}

# The first sentence says what the command is for.
!is_table && name != "general" && about == 1 {
    sub(/([,:;(]|[.] |[.]$).*/, "")
    shell_row(command, "", "", $0)
    about = 2
}
!is_table && about == 0 && $0 == "" { about = 1 }

waiting {
    sub(/^ +/, "")
    option(spellings, value, $0)
    waiting = 0
}
!is_table && /^  -[a-z-]/ {
    match($0, /^  (-[a-z], )?(--[a-z-]+, )*--[a-z-]+/)
    spellings = substr($0, 3, RLENGTH - 2)
    rest = substr($0, RLENGTH + 1)
    value = ""
    if (match(rest, /^ [A-Za-z_|-]+([.][.][.])?/)) {
        value = substr(rest, 2, RLENGTH - 1)
        rest = substr(rest, RLENGTH + 1)
    }
    sub(/^ [[][A-Z]+[]]/, "", rest)
    if (sub(/^  +/, "", rest))
        option(spellings, value, rest)
    else
        waiting = 1
}
!is_table && name ~ /^(keyring|hub)$/ && /^  [a-z]+( [A-Z]+)?  / {
    word = $1
    sub(/^  [a-z]+( [A-Z]+)? +/, "")
    shell_row(command, word, "", $0)
}

# Stock's options, by name: under a verb those that it does not refuse.
is_table && /^ +[{] "[a-z]/ {
    split($0, cell, /[ ,"{}]+/)
    cms = cell[4] ~ /^[BC]$/
    smime = cell[4] ~ /^[BS]$/
    if ($0 ~ /SHIM_VERB/ && !smime || cell[3] == "ROLE_FOREIGN")
        next
    commands = cms && smime ? "cms,smime" : cms ? "cms" : "smime"
    if (cms && cell[3] !~ /HELP|OPERATION|UNCHECKED|NOVERIFY|SHARED_SECRET|SENDER/)
        commands = commands ",sign,encrypt,verify,decrypt"
    value = $0 !~ /true/ ? "" : cell[3] == "ROLE_SENDER" ? "ADDRESS" : "FILE"
    shell_row(commands, "-" cell[2], value, "")
}

END {
    end_command()
    shell_row("help", "", "", "What a command takes, with examples")
    if (form == "c")
        printf "%s\nconst struct shim_help_text shim_help_texts[] = {\n%s%s};\n", tables, texts,
            "    { NULL, \"\", NULL },\n"
    else if (form == "fish")
        printf "%s", quoted(quoted(shell, "\\\\", "&&"), "'", "\\'")
    else
        printf "%s", quoted(shell, "'", "'\\''")
}
