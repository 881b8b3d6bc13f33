#!/bin/sh
# Makes thumb.zip: the handler and its dependencies for this machine's processor.
set -eu
cd "$(dirname "$0")"
npm install --omit=dev --no-audit --no-fund --no-package-lock
rm -f thumb.zip
zip -q -r -y thumb.zip index.js package.json node_modules
ls -l thumb.zip
