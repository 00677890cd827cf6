#!/bin/sh
# Makes the virtual environment: setup.sh PYTHON FOLDER REQUIREMENTS. Says what to install when the machine lacks it.
set -eu
python=$1 folder=$2 requirements=$3

if ! command -v "$python" >/dev/null 2>&1; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3 python3-venv >/dev/null
    else
        echo "Python 3.11 or newer is needed: apt-get install python3 python3-venv" >&2
        exit 1
    fi
fi
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "Python 3.11 or newer is needed; $python is $("$python" --version 2>&1). Use: make PYTHON=python3.11 ..." >&2
    exit 1
fi
if [ ! -x "$folder/bin/python" ]; then
    if ! "$python" -m venv "$folder" >/dev/null 2>&1; then
        rm -rf "$folder"
        if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
            apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3-venv >/dev/null
            "$python" -m venv "$folder"
        else
            echo "python3-venv is needed: apt-get install python3-venv" >&2
            exit 1
        fi
    fi
fi
"$folder/bin/python" -m pip install --quiet --disable-pip-version-check -r "$requirements"
