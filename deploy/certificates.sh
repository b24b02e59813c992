#!/usr/bin/env bash
# Certificates of one cluster: ca.pem, cert.pem and key.pem in a folder. Scheduler, workers and the machine that runs
# sweeps each need these three. Who has key.pem can run code on all of them. ca-key.pem signs further certificates:
# keep it elsewhere.
set -euo pipefail
folder=${1:?usage: certificates.sh FOLDER}
umask 077
mkdir -p "$folder"
cd "$folder"
openssl req -x509 -newkey rsa:3072 -nodes -days 365 -subj "/CN=sweeps cluster" -keyout ca-key.pem -out ca.pem
openssl req -newkey rsa:3072 -nodes -subj "/CN=sweeps" -keyout key.pem -out request.pem
openssl x509 -req -days 365 -in request.pem -CA ca.pem -CAkey ca-key.pem -CAcreateserial -out cert.pem
rm request.pem ca.srl
