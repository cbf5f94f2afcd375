#!/bin/sh
# crux-trainer … --launcher command --launcher-command 'kubernetes-job.sh {folder}'
set -eu
folder=$1
state=$(dirname "$(dirname "$folder")")
name="crux-$(basename "$folder")"
here=$(dirname "$0")
# A Job cannot be changed: one of an earlier try goes first.
kubectl delete job "$name" --ignore-not-found --wait
sed -e "s|@NAME@|$name|" -e "s|@FOLDER@|$folder|" -e "s|@BLOBS@|${CRUX_BLOBS:-$state/blobs}|" -e "s|@STATE@|$state|" \
  "$here/kubernetes-job.yaml" | kubectl create -f -
trap 'kubectl delete job "$name" --wait=false; exit 143' INT TERM
until kubectl wait --for=condition=complete --timeout=30s "job/$name" 2>/dev/null; do
  if kubectl wait --for=condition=failed --timeout=1s "job/$name" 2>/dev/null; then exit 1; fi
  # Somebody took it away. A cluster that does not answer is asked again.
  if there=$(kubectl get job "$name" --ignore-not-found -o name) && [ -z "$there" ]; then exit 1; fi
  sleep 2
done
