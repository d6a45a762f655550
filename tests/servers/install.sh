#!/usr/bin/env bash
# Installs the real servers that the integration tests run: Debian's Samba (as Active Directory), OpenLDAP, 389 Directory
# Server and PostgreSQL; what Kerberos takes: its commands, and the headers from which the Python package is built; and Debian's
# own judges of units and packages.
#
# Idempotent: it does nothing where everything is there, and it installs only what is missing.
# It never lets a package start a service of its own, and it changes nothing in /etc besides what the packages bring.
set -euo pipefail

readonly PACKAGES=(
  samba samba-ad-dc samba-ad-provision samba-dsdb-modules samba-vfs-modules winbind python3-samba # the domain controller
  ldb-tools                                                                                       # its database from outside
  slapd ldap-utils                                                                                # OpenLDAP
  389-ds-base python3-lib389                                                                      # 389 Directory Server
  krb5-user libkrb5-dev gcc python3-dev                                                           # tickets; gssapi is compiled
  python3-ldap                                                                                    # what benchmarks compare with
  redis-server nats-server rabbitmq-server                                                        # message brokers
  openssl                                                                                         # test certificates
  curl                                                                                            # a foreign client of webhooks and monitoring
  postgresql                                                                                      # the store's second database
  prometheus                                                                                      # promtool: metrics and alert rules
  systemd systemd-container                                                                       # they judge units, and boot the package
)

stop() {
  printf 'install.sh: %s\n' "$*" >&2
  exit 1
}

installed() {
  [[ "$(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null)" == installed ]]
}

command -v apt-get >/dev/null && command -v dpkg-query >/dev/null ||
  stop 'the test servers come as Debian packages, and this system has no apt-get. Run the tests without them: make fast'

missing=()
for package in "${PACKAGES[@]}"; do
  # Ask below only for those that this release knows: some are parts of others in older ones.
  installed "$package" || missing+=("$package")
done
((${#missing[@]})) || exit 0

((EUID == 0)) || stop "not root, and these packages are missing: ${missing[*]}. Run: sudo $0"

# 101 = "action forbidden by policy": keeps the packages from starting their services while they are being installed.
readonly POLICY=/usr/sbin/policy-rc.d
if [[ ! -e $POLICY ]]; then
  printf '#!/bin/sh\nexit 101\n' >"$POLICY"
  chmod 755 "$POLICY"
  trap 'rm -f "$POLICY"' EXIT
fi

export DEBIAN_FRONTEND=noninteractive
readonly APT=(apt-get -qq -o DPkg::Lock::Timeout=900 -o Acquire::Retries=3)
printf 'install.sh: installing %s\n' "${missing[*]}"
"${APT[@]}" update >/dev/null

known=()
for package in "${missing[@]}"; do
  if apt-cache show "$package" >/dev/null 2>&1; then known+=("$package"); fi
done
((${#known[@]})) || stop "no package source offers ${missing[*]}"

log=$(mktemp)
if ! "${APT[@]}" install -y --no-install-recommends "${known[@]}" >"$log" 2>&1; then
  tail -n 30 "$log" >&2
  stop "apt-get could not install ${known[*]}; the last lines are above"
fi
rm -f "$log"
