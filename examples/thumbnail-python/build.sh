#!/bin/sh
# Makes thumb.zip: one file, no dependencies.
set -eu
cd "$(dirname "$0")"
rm -f thumb.zip
zip -q thumb.zip lambda_function.py
ls -l thumb.zip
