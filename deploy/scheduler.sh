#!/usr/bin/env bash
# A scheduler with TLS: scheduler.sh CERTIFICATES [HOST]. HOST is this machine's address in the workers' network.
# It has no dashboard, which would be an open web page.
set -euo pipefail
certificates=${1:?usage: scheduler.sh CERTIFICATES [HOST]}
host=${2:-$(hostname -I | cut -d " " -f 1)}
exec dask scheduler --protocol tls --host "$host" --port "${PORT:-8786}" --no-dashboard \
  --tls-ca-file "$certificates/ca.pem" --tls-cert "$certificates/cert.pem" --tls-key "$certificates/key.pem"
