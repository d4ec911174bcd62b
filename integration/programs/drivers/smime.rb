# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
#
# S/MIME the way a help desk in Ruby does it: `ruby smime.rb OPERATION IN OUT ARGUMENT…`.
# With SMIME_DEBUG in the environment, OpenSSL.debug is on.
require 'openssl'

OpenSSL.debug = ENV.key?('SMIME_DEBUG')
PKCS7 = OpenSSL::PKCS7
operation, input, output, *rest = ARGV
data = File.binread(input)

def certificate(path)
  OpenSSL::X509::Certificate.new(File.read(path))
end

def key(path)
  OpenSSL::PKey::RSA.new(File.read(path), nil)
end

def verify(data, trusted, flags)
  store = OpenSSL::X509::Store.new
  trusted.each { |path| store.add_cert(certificate(path)) }
  mail = PKCS7.read_smime(data)
  return mail.data if mail.verify(mail.certificates, store, nil, PKCS7::NOINTERN | flags)

  raise PKCS7::PKCS7Error, mail.error_string
end

result =
  case operation
  when 'sign' # SIGNER KEY [CHAIN]
    chain = rest.drop(2).map { |path| certificate(path) }
    PKCS7.write_smime(PKCS7.sign(certificate(rest[0]), key(rest[1]), data, chain, PKCS7::DETACHED))
  when 'encrypt' # RECIPIENT…
    recipients = rest.map { |path| certificate(path) }
    PKCS7.write_smime(PKCS7.encrypt(recipients, data, OpenSSL::Cipher.new('AES-128-CBC')))
  when 'verify' # CAFILE…
    verify(data, rest, 0)
  when 'extract'
    verify(data, [], PKCS7::NOVERIFY)
  when 'decrypt' # CERTIFICATE KEY
    PKCS7.read_smime(data).decrypt(key(rest[1]), certificate(rest[0]))
  end
File.binwrite(output, result)
