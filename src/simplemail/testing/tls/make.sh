#!/bin/sh
# Makes the certificates beside this script anew: sh src/simplemail/testing/tls/make.sh (needs openssl).
#
# The keys are public, so nothing but a test may trust this CA, whose own key isn't kept. The dates
# are fixed, not "from today on", so that the files are good on machines whose clocks differ. Python
# 3.13 verifies with VERIFY_X509_STRICT, hence the key identifiers, critical basicConstraints and
# keyUsage (RFC 5280).
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
touch "$work/index.txt"

cat > "$work/ca.cnf" <<END
[ca]
default_ca = test
[test]
database = $work/index.txt
new_certs_dir = $work
rand_serial = yes
default_md = sha256
policy = any
unique_subject = no
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
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
END

request() {  # name, common name
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -sha256 \
        -config "$work/ca.cnf" -subj "/CN=$2" \
        -keyout "$work/$1.key" -out "$work/$1.csr" 2>/dev/null
}

authority() {  # name, common name
    request "$1" "$2"
    openssl ca -batch -notext -selfsign -config "$work/ca.cnf" -extensions v3_ca \
        -keyfile "$work/$1.key" -in "$work/$1.csr" -out "$1.pem" \
        -startdate 20200101000000Z -enddate 20491231235959Z 2>/dev/null
}

leaf() {  # name, common name, last day, more extensions
    request "$1" "$2"
    { cat "$work/ca.cnf"; printf '%b\n' "$4"; } > "$work/$1.cnf"
    openssl ca -batch -notext -config "$work/$1.cnf" -extensions v3_leaf \
        -cert ca.pem -keyfile "$work/ca.key" -in "$work/$1.csr" -out "$work/$1.crt" \
        -startdate 20200101000000Z -enddate "$3" 2>/dev/null
    { printf '%s\n' "$mark"; cat "$work/$1.key" "$work/$1.crt"; } > "$1.pem"
}

# The second line is for the scanner detect-secrets.
mark='# A public test key of simplemail. It protects nothing: everybody who has simplemail has it, and only tests trust it.
# pragma: allowlist nextline secret'
here='subjectAltName = DNS:localhost, IP:127.0.0.1, IP:::1\nextendedKeyUsage = serverAuth'
elsewhere='subjectAltName = DNS:elsewhere.example\nextendedKeyUsage = serverAuth'

authority ca "simplemail test CA"
authority other-ca "simplemail other test CA"
leaf server localhost 20491231235959Z "$here"
leaf wrong-host elsewhere.example 20491231235959Z "$elsewhere"
leaf expired localhost 20210101000000Z "$here"
leaf client ann@example.com 20491231235959Z 'extendedKeyUsage = clientAuth'
for name in server wrong-host client; do
    openssl verify -x509_strict -CAfile ca.pem "$name.pem"
done
