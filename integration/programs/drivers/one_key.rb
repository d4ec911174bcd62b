# Copyright 2026 The smime-policy authors
# SPDX-License-Identifier: Apache-2.0
#
# `ruby one_key.rb PKI MAIL SEALED OUT FLAGS STEP…`: with one key object, mail that is signed as
# renewed_old or renewed_new, to OUT.NUMBER, or with `decrypt` old mail that is read.  A line each:
# the step, and whether it worked.
require 'openssl'

PKCS7 = OpenSSL::PKCS7
FLAGS = { 'detached' => PKCS7::DETACHED, 'binary' => PKCS7::DETACHED | PKCS7::BINARY,
          'noattr' => PKCS7::DETACHED | PKCS7::NOATTR, 'opaque' => 0 }.freeze
pki, mail, sealed, out, flags, *steps = ARGV
certs = %w[renewed_old renewed_new].to_h do |name|
  [name, OpenSSL::X509::Certificate.new(File.read("#{pki}/#{name}.pem"))]
end
key = OpenSSL::PKey.read(File.read("#{pki}/renewed_old.key"))
steps.each_with_index do |step, number|
  if step == 'decrypt'
    PKCS7.read_smime(File.binread(sealed)).decrypt(key, certs['renewed_old'])
  else
    signed = PKCS7.sign(certs[step], key, File.binread(mail), [], FLAGS[flags])
    File.binwrite("#{out}.#{number}", PKCS7.write_smime(signed))
  end
  puts "#{step} yes"
rescue OpenSSL::OpenSSLError => e
  puts "#{step} no"
  warn e.message
end
