#!/bin/sh
# Makes ca.pem and server.pem anew: sh tests/support/docs_runner/tls/make.sh (needs openssl).
#
# The certificate is for the mail servers that the documentation talks to. Its key is public and
# its CA's key is thrown away; nothing but the documentation's tests trusts it. The dates are
# fixed, so that the files are good on machines whose clocks differ.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
touch "$work/index.txt"

cat > "$work/ca.cnf" <<CNF
[ca]
default_ca = documentation
[documentation]
database = $work/index.txt
new_certs_dir = $work
rand_serial = yes
default_md = sha256
policy = any
[any]
commonName = supplied
[req]
distinguished_name = any_name
[any_name]
[v3_ca]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[v3_leaf]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = DNS:smtp.gmail.com, DNS:mail.example.com, DNS:smtp.example.com, DNS:localhost
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
CNF

certificate() {  # name, common name, extensions, how it is signed
    name=$1 subject=$2 extensions=$3
    shift 3
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -sha256 \
        -config "$work/ca.cnf" -subj "/CN=$subject" \
        -keyout "$work/$name.key" -out "$work/$name.csr" 2>/dev/null
    openssl ca -batch -notext -config "$work/ca.cnf" -extensions "$extensions" \
        -in "$work/$name.csr" -out "$work/$name.crt" \
        -startdate 20200101000000Z -enddate 20491231235959Z "$@" 2>/dev/null
}

certificate ca "simplemail documentation CA" v3_ca -selfsign -keyfile "$work/ca.key"
cp "$work/ca.crt" ca.pem
certificate server documentation v3_leaf -cert ca.pem -keyfile "$work/ca.key"
# The second line is for the scanner detect-secrets.
mark='# A public test key of simplemail. It protects nothing: everybody who has simplemail has it, and only tests trust it.
# pragma: allowlist nextline secret'
{ printf '%s\n' "$mark"; cat "$work/server.key" "$work/server.crt"; } > server.pem
openssl verify -x509_strict -CAfile ca.pem server.pem
