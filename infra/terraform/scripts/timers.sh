#!/bin/sh
# Sets up or removes subscriptions of Code Engine's cron: `timers.sh create` or `timers.sh delete`.
# TIMERS has a line for each: NAME|FUNCTION|SCHEDULE, or NAME|JOB|SCHEDULE|job. REGION and PROJECT (its id) say where.
set -eu

if ! command -v ibmcloud >/dev/null; then
  echo 'timers: the CLI ibmcloud with its plugin code-engine is needed here: https://cloud.ibm.com/docs/cli' >&2
  exit 2
fi

# With an API key, nothing of another login on this machine is used or changed.
if [ -n "${IBMCLOUD_API_KEY:-}" ]; then
  IBMCLOUD_HOME=$(mktemp -d)
  export IBMCLOUD_HOME
  trap 'rm -rf "$IBMCLOUD_HOME"' EXIT
  ibmcloud login --quiet -r "$REGION"
  ibmcloud plugin install code-engine -f -q
fi
ibmcloud ce project select --id "$PROJECT"

printf '%s\n' "$TIMERS" | while IFS='|' read -r name destination schedule type; do
  ibmcloud ce subscription cron delete --name "$name" --force --ignore-not-found </dev/null
  [ "$1" = delete ] && continue
  ibmcloud ce subscription cron create --name "$name" --destination-type "${type:-function}" --destination "$destination" \
    --schedule "$schedule" --time-zone UTC --content-type application/json --data '{}' </dev/null
done
