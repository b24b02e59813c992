#!/usr/bin/env bash
# Workers with TLS: worker.sh CERTIFICATES tls://scheduler:8786 [NUMBER]. Each runs one trial at a time.
set -euo pipefail
certificates=${1:?usage: worker.sh CERTIFICATES ADDRESS [NUMBER]}
address=${2:?usage: worker.sh CERTIFICATES ADDRESS [NUMBER]}
exec dask worker "$address" --nworkers "${3:-1}" --nthreads 1 --no-dashboard \
  --local-directory "${TMPDIR:-/tmp}" \
  --tls-ca-file "$certificates/ca.pem" --tls-cert "$certificates/cert.pem" --tls-key "$certificates/key.pem"
