#!/bin/sh
# Remove from the base image what installs software and what only that needs: apt, pip, Perl. dpkg's list of packages stays correct, so
# that scanners see what is there.
set -eu
# Patterns, because the versions are in the names; a pattern without a match is no error.
packages=$(dpkg-query --show --showformat '${Package}\n' \
  apt 'libapt-pkg*' gpgv libgnutls30 libunistring2 libp11-kit0 libidn2-0 'libhogweed*' 'libnettle*' 'libtasn1*' \
  perl 'perl-*' 'libperl*' \
  'python3*-venv' 'python3-pip*' 'python3-setuptools*' python3-wheel python3-pkg-resources python3-distutils python3-lib2to3 \
  tar e2fsprogs 'libext2fs*' 2>/dev/null || true)
# shellcheck disable=SC2086  # a word for each package
dpkg --purge --force-depends --force-remove-essential $packages
# The python image has pip outside dpkg.
rm -rf /usr/local/lib/python3.11/site-packages/* /usr/local/lib/python3.11/ensurepip /usr/local/bin/pip* \
  /var/cache/apt /var/cache/debconf /var/lib/apt /var/log/*
