#!/bin/sh
# Makes the certificates beside it, each signed by itself, for localhost and 127.0.0.1.
# Their keys are public, so trust them in tests only.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
touch "$work/index.txt"
echo 01 > "$work/serial"
cat > "$work/ca.cnf" <<EOF
[ca]
default_ca = here
[here]
dir = $work
database = $work/index.txt
serial = $work/serial
new_certs_dir = $work
default_md = sha256
policy = any
unique_subject = no
x509_extensions = names
[any]
commonName = supplied
[names]
subjectAltName = DNS:localhost,IP:127.0.0.1
basicConstraints = critical,CA:TRUE
[req]
distinguished_name = nobody
[nobody]
EOF
# The second line is for the scanner detect-secrets.
mark='# A public test key of simplemail. It protects nothing: everybody who has simplemail has it, and only tests trust it.
# pragma: allowlist nextline secret'
make() { # file, first day, last day
    openssl req -new -newkey rsa:2048 -nodes -keyout "$work/key.pem" -out "$work/request.pem" \
        -subj /CN=localhost -config "$work/ca.cnf"
    openssl ca -batch -selfsign -notext -config "$work/ca.cnf" -in "$work/request.pem" \
        -keyfile "$work/key.pem" -startdate "$2" -enddate "$3" -out "$work/certificate.pem"
    { printf '%s\n' "$mark"; cat "$work/key.pem" "$work/certificate.pem"; } > "$1"
}
make not-yet-valid.pem 20900101000000Z 20991231000000Z
make stranger.pem 20200101000000Z 20991231000000Z
