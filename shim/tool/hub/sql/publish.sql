-- Copyright 2026 The smime-policy authors
-- SPDX-License-Identifier: Apache-2.0
--
-- publish() of the newest form of a hub.  It is run after the files of the forms, whenever one was.
-- docs/develop/hub.md explains it.

-- The last statement of a writing transaction: from here on others who write to the realm wait, so
-- revisions grow in the order of commits.
CREATE OR REPLACE FUNCTION smime_policy.publish(into_realm text, OUT revision bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  this_tx constant xid8 := pg_current_xact_id();
  this_epoch constant text := smime_policy.epoch();
  changed bit(256);
  added bigint;
  clash bytea;
BEGIN
  IF NOT smime_policy.is_admitted(into_realm) THEN
    RAISE EXCEPTION 'the realm % is not open to %', into_realm, session_user USING ERRCODE = '42501';
  END IF;
  IF NOT pg_has_role(session_user, 'smime_policy_keys', 'MEMBER') AND
     EXISTS (SELECT FROM smime_policy.incoming i WHERE i.tx = this_tx AND i.what = 'key') THEN
    RAISE EXCEPTION 'private keys are not open to %', session_user USING ERRCODE = '42501';
  END IF;
  UPDATE smime_policy.realm r SET revision = r.revision + 1 WHERE r.realm = into_realm
    RETURNING r.revision INTO publish.revision;

  -- Another host has changed the same certificate, role or address since this one looked.
  SELECT i.name INTO clash FROM smime_policy.incoming i
    LEFT JOIN smime_policy.certificate c ON c.realm = into_realm AND c.fingerprint = i.name
    WHERE i.tx = this_tx AND i.what IN ('certificate', 'removal') AND c.sum IS DISTINCT FROM i.base AND
          (i.what = 'removal' OR c.sum IS DISTINCT FROM smime_policy.sum_of(
             i.payload, i.role, i.origin, i.uploaded, i.addresses, i.narrowed))
    LIMIT 1;
  IF clash IS NOT NULL THEN
    RAISE EXCEPTION '%', encode(clash, 'hex') USING ERRCODE = 'SP001';
  END IF;
  -- A private key that some host has is removed on purpose or not at all.
  SELECT i.name INTO clash FROM smime_policy.incoming i
    JOIN smime_policy.certificate c ON c.realm = into_realm AND c.fingerprint = i.name
    WHERE i.tx = this_tx AND i.what = 'removal' AND c.role = 1 AND i.role IS DISTINCT FROM 1 LIMIT 1;
  IF clash IS NOT NULL THEN
    RAISE EXCEPTION '%', encode(clash, 'hex') USING ERRCODE = 'SP002';
  END IF;

  SELECT i.name INTO clash FROM smime_policy.incoming i
    LEFT JOIN smime_policy.crl c ON c.realm = into_realm AND c.name = i.name
    WHERE i.tx = this_tx AND i.what IN ('crl', 'crl-removal') AND c.content IS DISTINCT FROM i.base AND
          (i.what = 'crl-removal' OR c.content IS DISTINCT FROM i.content)
    LIMIT 1;
  IF clash IS NOT NULL THEN
    RAISE EXCEPTION '%', encode(clash, 'hex') USING ERRCODE = 'SP003';
  END IF;

  INSERT INTO smime_policy.journal
    SELECT into_realm, publish.revision, row_number() OVER (ORDER BY i.what, i.name), this_epoch, i.what, i.name,
           CASE WHEN i.what = 'certificate' THEN i.payload END, i.role, i.origin, i.uploaded,
           i.addresses, i.narrowed, session_user, clock_timestamp()
    FROM smime_policy.incoming i WHERE i.tx = this_tx;
  INSERT INTO smime_policy.private_key AS k
    SELECT into_realm, i.name, publish.revision, i.payload, i.uri
    FROM smime_policy.incoming i WHERE i.tx = this_tx AND i.what = 'key'
    ON CONFLICT (realm, key) DO UPDATE SET revision = excluded.revision, pkcs8 = excluded.pkcs8, uri = excluded.uri;

  SELECT bit_xor(smime_policy.bits_of(c.sum)), -count(*) INTO changed, added
    FROM smime_policy.certificate c JOIN smime_policy.incoming i
      ON i.tx = this_tx AND i.what IN ('certificate', 'removal') AND c.realm = into_realm AND c.fingerprint = i.name;
  UPDATE smime_policy.realm r SET certificates = r.certificates + added,
    digest = r.digest # coalesce(changed, repeat('0', 256)::bit(256)) WHERE r.realm = into_realm;

  DELETE FROM smime_policy.private_key k USING smime_policy.incoming i
    WHERE i.tx = this_tx AND i.what = 'removal' AND i.role = 1 AND k.realm = into_realm AND k.key = i.key_of;
  DELETE FROM smime_policy.certificate c USING smime_policy.incoming i
    WHERE i.tx = this_tx AND i.what = 'removal' AND c.realm = into_realm AND c.fingerprint = i.name;
  DELETE FROM smime_policy.address a USING smime_policy.incoming i
    WHERE i.tx = this_tx AND i.what = 'certificate' AND a.realm = into_realm AND a.fingerprint = i.name;
  INSERT INTO smime_policy.certificate
    SELECT into_realm, i.name, publish.revision,
           smime_policy.sum_of(i.payload, i.role, i.origin, i.uploaded, i.addresses, i.narrowed),
           i.payload, i.role, i.origin, i.uploaded, i.addresses, i.narrowed
    FROM smime_policy.incoming i WHERE i.tx = this_tx AND i.what = 'certificate'
    ON CONFLICT (realm, fingerprint) DO UPDATE SET revision = excluded.revision, sum = excluded.sum,
      payload = excluded.payload, role = excluded.role, origin = excluded.origin,
      uploaded = excluded.uploaded, addresses = excluded.addresses, narrowed = excluded.narrowed;
  INSERT INTO smime_policy.address
    SELECT DISTINCT into_realm, address, i.name
    FROM smime_policy.incoming i, unnest(string_to_array(i.addresses, ', ')) AS address
    WHERE i.tx = this_tx AND i.what = 'certificate' AND address <> '';

  SELECT bit_xor(smime_policy.bits_of(c.sum)), count(*) INTO changed, added
    FROM smime_policy.certificate c JOIN smime_policy.incoming i
      ON i.tx = this_tx AND i.what = 'certificate' AND c.realm = into_realm AND c.fingerprint = i.name;
  UPDATE smime_policy.realm r SET certificates = r.certificates + added,
    digest = r.digest # coalesce(changed, repeat('0', 256)::bit(256)) WHERE r.realm = into_realm;

  -- The pieces of a CRL are there already, so that nobody waits while they are sent.
  SELECT bit_xor(smime_policy.bits_of(smime_policy.sum_of_crl(c.name, c.content))), -count(*) INTO changed, added
    FROM smime_policy.crl c JOIN smime_policy.incoming i
      ON i.tx = this_tx AND i.what IN ('crl', 'crl-removal') AND c.realm = into_realm AND c.name = i.name;
  UPDATE smime_policy.realm r SET crls = r.crls + added,
    crl_digest = r.crl_digest # coalesce(changed, repeat('0', 256)::bit(256)) WHERE r.realm = into_realm AND added < 0;
  DELETE FROM smime_policy.crl_piece p USING smime_policy.crl c, smime_policy.incoming i
    WHERE i.tx = this_tx AND i.what IN ('crl', 'crl-removal') AND c.realm = into_realm AND c.name = i.name AND
          p.realm = into_realm AND p.pieces = c.pieces AND p.pieces IS DISTINCT FROM i.pieces;
  DELETE FROM smime_policy.crl c USING smime_policy.incoming i
    WHERE i.tx = this_tx AND i.what IN ('crl', 'crl-removal') AND c.realm = into_realm AND c.name = i.name;
  INSERT INTO smime_policy.crl
    SELECT into_realm, i.name, publish.revision, i.content, i.role = 1, i.pieces
    FROM smime_policy.incoming i WHERE i.tx = this_tx AND i.what = 'crl';
  SELECT bit_xor(smime_policy.bits_of(smime_policy.sum_of_crl(i.name, i.content))), count(*) INTO changed, added
    FROM smime_policy.incoming i WHERE i.tx = this_tx AND i.what = 'crl';
  UPDATE smime_policy.realm r SET crls = r.crls + added,
    crl_digest = r.crl_digest # changed WHERE r.realm = into_realm AND added > 0;

  DELETE FROM smime_policy.incoming i WHERE i.tx = this_tx;
  PERFORM pg_notify(smime_policy.channel(into_realm), publish.revision::text);
END
$$;

REVOKE ALL ON FUNCTION smime_policy.publish(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION smime_policy.publish(text) TO smime_policy_writer, smime_policy_admin;
