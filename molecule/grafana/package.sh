# Makes a package `grafana` of the stand-in (/root/grafana), laid out as Grafana's own is (packaging/deb of its source), in a
# repository at /srv/packages that is signed with a key made here; /srv/key.asc is its public half.
set -eu
export DEBIAN_FRONTEND=noninteractive GNUPGHOME=/root/sign
apt-get install -yq --no-install-recommends apt-utils gnupg
built=/root/package
mkdir -p $built/DEBIAN $built/usr/share/grafana/bin $built/usr/lib/systemd/system $built/etc/default $built/srv /srv/packages
install -m 0755 /root/grafana $built/usr/share/grafana/bin/grafana
cat > $built/DEBIAN/control <<'END'
Package: grafana
Version: 0.0.1
Architecture: all
Depends: python3, adduser
Maintainer: tests <tests@example.com>
Description: stand-in for tests, not Grafana
END
cat > $built/DEBIAN/postinst <<'END'
#!/bin/sh
set -e
getent group grafana >/dev/null || addgroup --system --quiet grafana
getent passwd grafana >/dev/null || adduser --system --quiet --home /usr/share/grafana --no-create-home --ingroup grafana grafana
mkdir -p /var/log/grafana /var/lib/grafana /etc/grafana/provisioning/datasources /etc/grafana/provisioning/dashboards
chown grafana:grafana /var/log/grafana /var/lib/grafana
END
chmod 0755 $built/DEBIAN/postinst
echo CONF_FILE=/etc/grafana/grafana.ini > $built/etc/default/grafana-server
cat > $built/usr/lib/systemd/system/grafana-server.service <<'END'
[Unit]
Description=Stand-in for Grafana
After=network-online.target
[Service]
EnvironmentFile=/etc/default/grafana-server
User=grafana
Group=grafana
PrivateUsers=true
ExecStart=/usr/share/grafana/bin/grafana server --config=${CONF_FILE}
[Install]
WantedBy=multi-user.target
END
dpkg-deb --build $built /srv/packages/grafana.deb
cd /srv/packages
apt-ftparchive packages . > Packages
apt-ftparchive release . > /tmp/Release
install -d -m 0700 $GNUPGHOME
gpg --batch --quiet --passphrase '' --quick-gen-key tests@example.com ed25519 sign never
gpg --batch --yes --clearsign -o InRelease /tmp/Release
gpg --armor --export tests@example.com > /srv/key.asc
