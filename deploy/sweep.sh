#!/usr/bin/env bash
# A sweep on a cluster with TLS: sweep.sh CERTIFICATES run STUDY --cluster tls://scheduler:8786 …
set -euo pipefail
certificates=${1:?usage: sweep.sh CERTIFICATES run …}
shift
export DASK_DISTRIBUTED__COMM__TLS__CA_FILE="$certificates/ca.pem"
export DASK_DISTRIBUTED__COMM__TLS__CLIENT__CERT="$certificates/cert.pem"
export DASK_DISTRIBUTED__COMM__TLS__CLIENT__KEY="$certificates/key.pem"
exec sweeps "$@"
