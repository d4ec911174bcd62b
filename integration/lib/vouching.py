# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
"""
Who may vouch for others: a second decision, written from the rules and from no code of ours.

It answers for a tree of certificates as forest.py describes them.  Where the rules leave the answer
to libcrypto's choice between several certificates of one name, it says MAY.
"""

from dataclasses import dataclass, replace

NEVER, MAY, MUST = "never", "may", "must"
CONTACT, IDENTITY, CA, REFUSED, AMBIGUOUS = "contact", "identity", "ca", "refused", "ambiguous"
OWN = (CONTACT, IDENTITY)
COLLECTED, INTERMEDIATE = "collected", "intermediate"
NO_ANCHORS = (COLLECTED, INTERMEDIATE)  # kept, and never an anchor, whoever names it

SIGN, REPUDIATE, ENCIPHER, ISSUE, REVOKE = (
    "digitalSignature", "nonRepudiation", "keyEncipherment", "keyCertSign", "cRLSign")
MAIL = "emailProtection"
BROKEN, TWICE = "broken", "twice"  # an extension that cannot be read
UNREADABLE = (BROKEN, TWICE)


# One certificate.

def is_ca(cert):
    """Has it a readable CA:TRUE?  Version 1, Certificate Sign alone and Netscape's type do not count."""
    return cert.constraints in ("CA", "CA0")


def is_readable(cert):
    """Is it readable?  libcrypto builds no chain with an extension that it cannot read."""
    return not any(value in UNREADABLE
                   for value in (cert.constraints, cert.usage, cert.extended, cert.names))


def has_address(cert):
    """Has it an rfc822Name, or a name that cannot be read, which counts as one?"""
    return cert.names in ("email", "no-address", *UNREADABLE)


def has_ca_usages_alone(cert):
    return (isinstance(cert.usage, frozenset) and cert.usage <= {ISSUE, REVOKE}
            and cert.extended not in UNREADABLE and MAIL not in (cert.extended or ()))


def is_persons_own(cert):
    return (cert.is_self_issued and is_ca(cert) and has_address(cert)
            and not has_ca_usages_alone(cert))


def is_client(cert):
    """The upload rules of a client certificate; every key of the forest is EC."""
    return (cert.names == "email" and isinstance(cert.usage, frozenset)
            and bool(cert.usage & {SIGN, ENCIPHER})
            and (cert.extended is None or MAIL in cert.extended))


def is_signer(cert):
    """`signer-certificate`, and dates that hold now."""
    may_sign = cert.usage is None or (isinstance(cert.usage, frozenset)
                                      and bool(cert.usage & {SIGN, REPUDIATE}))
    return (cert.names == "email" and may_sign and not cert.is_expired
            and cert.constraints not in UNREADABLE
            and (cert.extended is None or MAIL in cert.extended))


# Paths.

def names_issuer(issuer, cert):
    """Would libcrypto take one for the issuer of the other, before it checks signatures?"""
    return (issuer.subject == cert.issuer
            and (cert.points_to is None or not issuer.has_key_id or cert.points_to == issuer.key))


def _may_issue_mail(issuer):
    """
    libcrypto's conditions for an issuer in a chain, beside CA:TRUE.  Whether anyExtendedKeyUsage is enough
    for a CA is left to it.
    """
    usage = issuer.usage is None or ISSUE in issuer.usage
    return usage and (issuer.extended is None or MAIL in issuer.extended
                      or "anyExtendedKeyUsage" in issuer.extended)


def is_good_path(path):
    """Is it a good chain from a signer to an anchor: CA:TRUE in all of it, and libcrypto's checks?"""
    below = 0
    for cert in path[1:]:
        if (not is_ca(cert) or not is_readable(cert) or cert.is_expired
                or not _may_issue_mail(cert)):
            return False
        if cert.constraints == "CA0" and below > 0:
            return False
        below += not cert.is_self_issued
    return is_readable(path[0]) and not path[0].is_expired


def paths_from(cert, pool, so_far=()):
    """Every chain from |cert| in |pool| with right signatures."""
    path = (*so_far, cert)
    yield path
    for issuer in pool:
        if issuer not in path and names_issuer(issuer, cert) and issuer.key == cert.signed_by:
            yield from paths_from(issuer, pool, path)


# Verifying.

@dataclass(frozen=True)
class View:
    """What one way of verifying knows about a tree."""

    name: str
    store: frozenset  # certificates that may end a chain
    vouching: frozenset  # of those, the ones that may vouch for others
    own: frozenset  # of those, the ones that may vouch for themselves
    own_first: bool = False  # even if an issuer is there
    partial: bool = True  # a chain may end in one that is not self-signed
    stops: bool = False  # it ends at the first of |vouching|, and does not go on
    may_be_whole: bool = False  # |partial| only if the keyring gives an anchor for this chain


def keyring_view(tree, *, verb=False, stops=False):
    """The keyring alone, or `trust = keyring` if the store has the keyring anyway."""
    kept = _anchors_kept(tree)
    return View("keyring", kept, frozenset(_uploaded_cas(tree)), kept, own_first=verb, stops=stops)


def both_view(tree, *, verb=False):
    """The keyring, and what the command line names."""
    kept = _anchors_kept(tree)
    return View("keyring and -CAfile", kept | tree.named,
                frozenset(_uploaded_cas(tree)) | _named_cas(tree), kept | tree.named - _no_anchors(tree),
                own_first=verb, partial=bool(tree.roles), may_be_whole=True)


def caller_view(tree, partial, knows_keyring, *, stops=False):
    """`trust = caller`: the program's own store, but for what is stored as a person's."""
    own = (tree.named | frozenset(tree.roles)) - _no_anchors(tree) if knows_keyring else tree.named
    return View("-CAfile", tree.named, _named_cas(tree, knows_keyring), own, partial=partial,
                stops=stops)


def uploaded_view(tree, partial):
    """`trust = keyring` in a program that has its own store: what is in both."""
    return View("-CAfile, if uploaded", tree.named, tree.named & frozenset(_uploaded_cas(tree)),
                _anchors_kept(tree), partial=partial, stops=True)


def _no_anchors(tree):
    return frozenset(cert for cert, role in tree.roles.items() if role in NO_ANCHORS)


def _anchors_kept(tree):
    return frozenset(tree.roles) - _no_anchors(tree)


def _uploaded_cas(tree):
    return [cert for cert, role in tree.roles.items() if role == CA and is_ca(cert)]


def _named_cas(tree, knows_keyring=True):
    roles = tree.roles if knows_keyring else {}
    return frozenset(cert for cert in tree.named if is_ca(cert) and (
        roles.get(cert) == CA or (roles.get(cert) is None and not is_persons_own(cert))))


def decide(tree, signer, view):
    """May the signature of |signer| verify, and must it?"""
    if not is_signer(signer):
        return NEVER
    if not any(_is_anchored(path, view) for path in paths_from(signer, tree.certs)):
        return NEVER
    if view.own_first and tree.roles.get(signer) in OWN:
        return MUST
    if _no_anchors(tree):
        return MAY  # what completes a chain and may not end it leaves more than one way
    whole = replace(view, partial=view.partial and not view.may_be_whole)
    return MUST if all(_leads_up((signer,), tree, either) for either in (view, whole)) else MAY


def _is_anchored(path, view):
    return (path[-1] in (view.own if len(path) == 1 else view.vouching)) and is_good_path(path)


def _ends_here(cert, view):
    return cert in view.store and (view.partial or cert.is_self_signed)


def _leads_up(path, tree, view):
    """
    Does it reach an anchor, whichever issuer libcrypto takes?  A partial chain ends at the first issuer of
    the store, any other at a certificate that is self-signed or explicitly trusted.  A self-signed one
    with a twin in the store may be skipped.
    """
    cert, is_issuer = path[-1], len(path) > 1
    issuers = [issuer for issuer in view.store | tree.sent
               if issuer not in path and names_issuer(issuer, cert)]
    if cert.is_self_signed and view.store & set(issuers):
        return False
    if (cert.is_self_signed or not issuers
            or (is_issuer and view.partial and cert in view.store)
            or (is_issuer and view.stops and _is_anchored(path, view))):
        return _ends_here(cert, view) and _is_anchored(path, view)
    return all(issuer.key == cert.signed_by and _leads_up((*path, issuer), tree, view)
               for issuer in issuers)


# Uploading.

def role_of(cert, pool, cas, perhaps, has_key=False):
    """
    The roles that a plain upload may give: one where the rules decide.

    pool: the certificates of the keyring and of the upload.  cas: those of them that are a ca, and
    perhaps: those that may become one.
    """
    if has_key:
        return (IDENTITY,) if is_client(cert) else (REFUSED,)
    if cert.constraints in UNREADABLE:
        return (CONTACT, REFUSED)  # it can never be a ca
    if not is_ca(cert) or is_persons_own(cert):
        return (CONTACT,) if is_client(cert) else (REFUSED,)
    found = (CA,) if not has_address(cert) or has_ca_usages_alone(cert) else (
        _role_by_issuer(cert, pool, cas, perhaps))
    # An unreadable certificate may be refused.
    return (*found, REFUSED) if not is_readable(cert) else found


def _role_by_issuer(cert, pool, cas, perhaps):
    led = [path for path in paths_from(cert, pool)
           if perhaps & set(path[1:]) and all(map(is_ca, path[1:]))]
    if not led:
        return (AMBIGUOUS,)
    sure = any(is_good_path(path) and cas & set(path[1:]) and _is_plain(path) for path in led)
    return (CA,) if sure else (CA, AMBIGUOUS)


def _is_plain(path):
    return not any("anyExtendedKeyUsage" in (cert.extended or ()) for cert in path)


def roles_of_upload(certs, kept=None):
    """The possible roles of |certs| that are uploaded together beside |kept|: {certificate: roles}."""
    kept = kept or {}
    cas = perhaps = {cert for cert, role in kept.items() if role == CA}
    while True:
        roles = {cert: role_of(cert, [*certs, *kept], cas, perhaps) for cert in certs}
        found = (cas | {cert for cert, names in roles.items() if names == (CA,)},
                 perhaps | {cert for cert, names in roles.items() if CA in names})
        if found == (cas, perhaps):
            return roles
        cas, perhaps = found


def is_decision(cert):
    """Is the role a decision that the uploader should be told, with the other `--as`?"""
    return is_ca(cert) and has_address(cert)
