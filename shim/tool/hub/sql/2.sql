-- Copyright 2026 The smime-policy authors
-- SPDX-License-Identifier: Apache-2.0
--
-- Form 2 of a hub: CRLs, and a channel for each realm.  It is run once, as one transaction, after
-- 1.sql or on a hub of form 1.  docs/develop/hub.md explains it.

ALTER TABLE smime_policy.realm
  ADD COLUMN crls bigint NOT NULL DEFAULT 0,
  ADD COLUMN crl_digest bit(256) NOT NULL DEFAULT repeat('0', 256)::bit(256);

-- The CRLs.  The journal has a row for each change (crl, crl-removal), and the content is here
-- alone: it is large, and each replaces the one before.
CREATE TABLE smime_policy.crl (
  realm text NOT NULL REFERENCES smime_policy.realm,
  name bytea NOT NULL CHECK (octet_length(name) = 32), -- which: of what key, name, scope and part
  revision bigint NOT NULL,                            -- its last change
  content bytea NOT NULL CHECK (octet_length(content) = 32), -- the SHA-256 of its DER
  delta boolean NOT NULL,                              -- it continues the complete CRL
  pieces bytea NOT NULL CHECK (octet_length(pieces) = 16),
  PRIMARY KEY (realm, name)
);
-- Its DER.  It is streamed here before publish() is called, under a number that the writer has drawn.
CREATE TABLE smime_policy.crl_piece (
  realm text NOT NULL,
  pieces bytea NOT NULL CHECK (octet_length(pieces) = 16),
  number integer NOT NULL CHECK (number BETWEEN 0 AND 255),
  bytes bytea NOT NULL CHECK (octet_length(bytes) BETWEEN 1 AND 1048576),
  PRIMARY KEY (realm, pieces, number)
);
ALTER TABLE smime_policy.crl_piece ALTER COLUMN bytes SET STORAGE EXTERNAL;

ALTER TABLE smime_policy.incoming
  DROP CONSTRAINT incoming_what_check,
  ADD CONSTRAINT incoming_what_check CHECK (what IN ('certificate', 'removal', 'key', 'crl', 'crl-removal')),
  ADD COLUMN content bytea, -- of a CRL, as the next
  ADD COLUMN pieces bytea;

CREATE FUNCTION smime_policy.sum_of_crl(name bytea, content bytea) RETURNS bytea
LANGUAGE sql IMMUTABLE
  RETURN sha256(name || content);

-- Whom a change of a realm wakes.  Any login can listen, so the name does not tell the realm's.
CREATE FUNCTION smime_policy.channel(of_realm text) RETURNS text
LANGUAGE sql IMMUTABLE
  RETURN 'smime_policy_' || left(encode(sha256(convert_to(of_realm, 'UTF8')), 'hex'), 32);

REVOKE ALL ON FUNCTION smime_policy.sum_of_crl(bytea, bytea), smime_policy.channel(text) FROM PUBLIC;
GRANT SELECT ON smime_policy.crl, smime_policy.crl_piece TO smime_policy_reader;
GRANT INSERT (realm, pieces, number, bytes) ON smime_policy.crl_piece TO smime_policy_writer;
GRANT INSERT (content, pieces) ON smime_policy.incoming TO smime_policy_writer;
GRANT ALL ON smime_policy.crl, smime_policy.crl_piece TO smime_policy_admin;
GRANT EXECUTE ON FUNCTION smime_policy.sum_of_crl(bytea, bytea), smime_policy.channel(text) TO smime_policy_admin;

DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['crl', 'crl_piece'] LOOP
    EXECUTE format('ALTER TABLE smime_policy.%I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('CREATE POLICY of_realm ON smime_policy.%I FOR SELECT USING (realm = ANY (ARRAY('
                   'SELECT a.realm FROM smime_policy.admission a WHERE a.login = session_user)))', name);
    EXECUTE format('CREATE POLICY of_admin ON smime_policy.%I TO smime_policy_admin USING (true)', name);
  END LOOP;
END
$$;
CREATE POLICY into_realm ON smime_policy.crl_piece FOR INSERT TO smime_policy_writer WITH CHECK (
  realm = ANY (ARRAY(SELECT a.realm FROM smime_policy.admission a WHERE a.login = session_user)));

UPDATE smime_policy.hub SET form = 2;
