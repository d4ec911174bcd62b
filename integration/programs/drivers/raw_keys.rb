# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
#
# `ruby raw_keys.rb PKI NAME MAIL OUT`: raw operations with the certificate NAME, and mail with it and
# with `expired`, in one process.  A line each: what, and whether it worked.
require "openssl"

pki, name, mail, out = ARGV
read = lambda do |who|
  [OpenSSL::X509::Certificate.new(File.read("#{pki}/#{who}.pem")),
   OpenSSL::PKey.read(File.read("#{pki}/#{who}.key"))]
end

def tell(what)
  done = begin
    yield ? true : false
  rescue OpenSSL::OpenSSLError
    false
  end
  puts "#{what} #{done ? 'yes' : 'no'}"
end

certificate, key = read.call(name)
certificate.check_private_key(key)
digest = OpenSSL::Digest.digest("SHA256", "<saml/>")
2.times do |round|
  tell("sign") { key.sign_raw("SHA256", digest) }
  if round.zero? && File.file?("#{out}.signature")
    signature = File.binread("#{out}.signature")
    tell("verify") { certificate.public_key.verify_raw("SHA256", signature, digest) }
  end
  tell("public_encrypt") { certificate.public_key.public_encrypt("key") }
  ["expired", name].each do |who|
    signer, its_key = read.call(who)
    text = File.binread(mail)
    cipher = OpenSSL::Cipher.new("AES-256-CBC")
    tell("pkcs7_sign(#{who})") { OpenSSL::PKCS7.sign(signer, its_key, text, [], OpenSSL::PKCS7::DETACHED) }
    tell("pkcs7_encrypt(#{who})") { OpenSSL::PKCS7.encrypt([signer], text, cipher, 0) }
  end
end
