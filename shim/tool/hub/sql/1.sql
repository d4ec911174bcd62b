-- Copyright 2026 The smime-policy authors
-- SPDX-License-Identifier: Apache-2.0
--
-- Form 1 of a hub.  It is run once, as one transaction, by a role that may make roles and schemas.
-- A form never changes after its release; the next one is 2.sql.  What writes to it is in
-- publish.sql.  docs/develop/hub.md explains it.

CREATE SCHEMA smime_policy;

-- One row: what this hub is.  A new identity makes every host compare the whole.
CREATE TABLE smime_policy.hub (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  form integer NOT NULL,
  identity uuid NOT NULL DEFAULT gen_random_uuid(),
  single boolean NOT NULL -- there is no standby, and nobody waits for one
);

-- The counter of each realm, with the number and the digest of its certificates.
CREATE TABLE smime_policy.realm (
  realm text PRIMARY KEY CHECK (realm ~ '^[A-Za-z0-9_.-]{1,64}$'),
  revision bigint NOT NULL DEFAULT 0,
  oldest bigint NOT NULL DEFAULT 0, -- the journal begins behind this revision
  certificates bigint NOT NULL DEFAULT 0,
  digest bit(256) NOT NULL DEFAULT repeat('0', 256)::bit(256) -- all sums, XORed
);

-- Who may see a realm, and with the role smime_policy_writer change it.
CREATE TABLE smime_policy.admission (
  realm text NOT NULL REFERENCES smime_policy.realm,
  login name NOT NULL,
  PRIMARY KEY (realm, login)
);

-- The truth.  Rows are added and never changed; a removal is a row as well.
CREATE TABLE smime_policy.journal (
  realm text NOT NULL REFERENCES smime_policy.realm,
  revision bigint NOT NULL,
  ordinal bigint NOT NULL,
  epoch text NOT NULL,
  what text NOT NULL,         -- certificate, removal, key, and what later forms add
  name bytea NOT NULL CHECK (octet_length(name) = 32), -- a fingerprint, or the id of a key
  payload bytea,              -- the certificate's DER; never a private key
  role smallint,              -- enum sp_role; of a removal 1: the private key goes as well
  origin smallint,            -- enum sp_origin, as the host has it that wrote it
  uploaded bigint,            -- seconds since the epoch of Unix
  addresses text,             -- it is found by these, with ", " between them
  narrowed boolean,           -- it has others, by which it is not found
  who name NOT NULL,
  made timestamptz NOT NULL,
  PRIMARY KEY (realm, revision, ordinal),
  CHECK (what <> 'certificate' OR
         (payload IS NOT NULL AND octet_length(payload) <= 16777216 AND role BETWEEN 1 AND 4 AND
          origin IS NOT NULL AND uploaded IS NOT NULL AND addresses IS NOT NULL AND narrowed IS NOT NULL))
);

-- What follows from the journal.
CREATE TABLE smime_policy.certificate (
  realm text NOT NULL REFERENCES smime_policy.realm,
  fingerprint bytea NOT NULL,
  revision bigint NOT NULL, -- its last change
  sum bytea NOT NULL,       -- smime_policy.sum_of()
  payload bytea NOT NULL,
  role smallint NOT NULL,
  origin smallint NOT NULL,
  uploaded bigint NOT NULL,
  addresses text NOT NULL,
  narrowed boolean NOT NULL,
  PRIMARY KEY (realm, fingerprint)
);
CREATE TABLE smime_policy.address (
  realm text NOT NULL,
  address text NOT NULL,
  fingerprint bytea NOT NULL,
  PRIMARY KEY (realm, address, fingerprint),
  FOREIGN KEY (realm, fingerprint) REFERENCES smime_policy.certificate ON DELETE CASCADE
);
CREATE INDEX address_of ON smime_policy.address (realm, fingerprint);

-- Private keys: encrypted PKCS#8 or a URI.  EncryptedPrivateKeyInfo begins with a SEQUENCE in a
-- SEQUENCE, an open PrivateKeyInfo with an INTEGER in one.
CREATE FUNCTION smime_policy.is_encrypted(pkcs8 bytea) RETURNS boolean
LANGUAGE sql IMMUTABLE STRICT
  RETURN octet_length(pkcs8) > 16 AND get_byte(pkcs8, 0) = 48 AND
         get_byte(pkcs8, CASE WHEN get_byte(pkcs8, 1) < 128 THEN 2
                              WHEN get_byte(pkcs8, 1) <= 132 THEN get_byte(pkcs8, 1) - 126
                              ELSE 0 END) = 48 AND get_byte(pkcs8, 1) <> 128;
CREATE TABLE smime_policy.private_key (
  realm text NOT NULL REFERENCES smime_policy.realm,
  key bytea NOT NULL CHECK (octet_length(key) = 32),
  revision bigint NOT NULL,
  pkcs8 bytea,
  uri text,
  PRIMARY KEY (realm, key),
  CHECK ((pkcs8 IS NULL) <> (uri IS NULL)),
  CHECK (smime_policy.is_encrypted(pkcs8))
);

-- What a transaction is about to publish.  Not logged: at a crash no transaction is open.
CREATE UNLOGGED TABLE smime_policy.incoming (
  tx xid8 NOT NULL DEFAULT pg_current_xact_id(),
  what text NOT NULL CHECK (what IN ('certificate', 'removal', 'key')),
  name bytea NOT NULL,
  base bytea, -- the sum of the row that the writer knows; NULL: it knows none
  payload bytea,
  role smallint,
  origin smallint,
  uploaded bigint,
  addresses text,
  narrowed boolean,
  key_of bytea, -- of a key: its certificate's id of a key
  uri text,
  UNIQUE (tx, what, name)
);

-- These two are bound to what they name when they are made, and PostgreSQL puts them in where they
-- are called.
CREATE FUNCTION smime_policy.sum_of(payload bytea, role smallint, origin smallint, uploaded bigint,
                                    addresses text, narrowed boolean) RETURNS bytea
LANGUAGE sql IMMUTABLE
  RETURN sha256(sha256(payload) || int2send(role) || int2send(origin) || int8send(uploaded) ||
                boolsend(narrowed) || convert_to(addresses, 'UTF8'));
CREATE FUNCTION smime_policy.bits_of(sum bytea) RETURNS bit(256)
LANGUAGE sql IMMUTABLE
  RETURN ('x' || encode(sum, 'hex'))::bit(256);

-- Another epoch: the numbers of revisions need not mean the same.  A promoted standby has another
-- timeline, a restored database another table or another cluster; where neither changes, as with a
-- snapshot of the file system, renew() does it.
CREATE FUNCTION smime_policy.epoch() RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT identity || '/' || (SELECT system_identifier FROM pg_control_system()) || '/' ||
         'smime_policy.journal'::regclass::oid || '/' ||
         substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)
  FROM smime_policy.hub
$$;

CREATE FUNCTION smime_policy.is_admitted(to_realm text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT EXISTS (SELECT FROM smime_policy.admission WHERE realm = to_realm AND login = session_user)
$$;

-- Forget the journal up to a revision: hosts that are older compare the whole.
CREATE FUNCTION smime_policy.trim(of_realm text, up_to bigint) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
  gone bigint;
BEGIN
  UPDATE smime_policy.realm SET oldest = greatest(oldest, least(up_to, revision)) WHERE realm = of_realm;
  DELETE FROM smime_policy.journal j USING smime_policy.realm r
    WHERE r.realm = of_realm AND j.realm = of_realm AND j.revision <= r.oldest;
  GET DIAGNOSTICS gone = ROW_COUNT;
  RETURN gone;
END
$$;

DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['reader', 'writer', 'keys', 'admin'] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'smime_policy_' || name) THEN
      EXECUTE format('CREATE ROLE %I NOLOGIN', 'smime_policy_' || name);
    END IF;
  END LOOP;
END
$$;
GRANT smime_policy_reader TO smime_policy_writer, smime_policy_keys;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA smime_policy FROM PUBLIC;
GRANT USAGE ON SCHEMA smime_policy TO smime_policy_reader, smime_policy_admin;
GRANT SELECT ON smime_policy.hub, smime_policy.realm, smime_policy.admission, smime_policy.journal,
  smime_policy.certificate, smime_policy.address TO smime_policy_reader;
GRANT EXECUTE ON FUNCTION smime_policy.epoch() TO smime_policy_reader;
GRANT INSERT (what, name, base, payload, role, origin, uploaded, addresses, narrowed, key_of, uri)
  ON smime_policy.incoming TO smime_policy_writer;
GRANT EXECUTE ON FUNCTION smime_policy.is_encrypted(bytea) TO smime_policy_writer;
GRANT SELECT ON smime_policy.private_key TO smime_policy_keys;
GRANT ALL ON ALL TABLES IN SCHEMA smime_policy TO smime_policy_admin;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA smime_policy TO smime_policy_admin;

-- Several teams share one hub, and each sees its own realms.
DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['realm', 'journal', 'certificate', 'address', 'private_key'] LOOP
    EXECUTE format('ALTER TABLE smime_policy.%I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('CREATE POLICY of_realm ON smime_policy.%I FOR SELECT USING (realm = ANY (ARRAY('
                   'SELECT a.realm FROM smime_policy.admission a WHERE a.login = session_user)))', name);
    EXECUTE format('CREATE POLICY of_admin ON smime_policy.%I TO smime_policy_admin USING (true)', name);
  END LOOP;
END
$$;
ALTER TABLE smime_policy.admission ENABLE ROW LEVEL SECURITY;
CREATE POLICY of_login ON smime_policy.admission FOR SELECT USING (login = session_user);
CREATE POLICY of_admin ON smime_policy.admission TO smime_policy_admin USING (true);
