#!/bin/sh
# Makes this node an S3 store: OpenStack Swift as Debian has it, all of it on one node, behind TLS. It checks signatures,
# clocks and quotas as any store does. Usage: make.sh ACCOUNT USER BUCKET, with the key on standard input; the id of the access
# key is ACCOUNT:USER. server.pem and server.key lie beside this file.
set -eu
account=$1 user=$2 bucket=$3
read -r key
cd "$(dirname "$0")"
umask 027

printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d # nothing starts before it is configured
chmod +x /usr/sbin/policy-rc.d
DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends \
    curl memcached swift-account swift-container swift-object swift-proxy >/dev/null
rm /usr/sbin/policy-rc.d

conf=/etc/swift
printf '[swift-hash]\nswift_hash_path_suffix = a\nswift_hash_path_prefix = b\n' >$conf/swift.conf
install -d -o swift -g swift /srv/node/d1
port=6200
for kind in account container object; do
    (
        cd $conf
        swift-ring-builder $kind.builder create 2 1 1
        swift-ring-builder $kind.builder add r1z1-127.0.0.1:$port/d1 1
        swift-ring-builder $kind.builder rebalance
    ) >/dev/null
    cat >$conf/$kind-server.conf <<END
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = $port
workers = 0
mount_check = false
[pipeline:main]
pipeline = $kind-server
[app:$kind-server]
use = egg:swift#$kind
END
    port=$((port + 1))
done
cat >$conf/proxy-server.conf <<END
[DEFAULT]
bind_port = 8443
workers = 0
cert_file = $PWD/server.pem
key_file = $PWD/server.key
[pipeline:main]
pipeline = catch_errors gatekeeper cache listing_formats s3api tempauth copy container-quotas slo dlo versioned_writes symlink proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:cache]
use = egg:swift#memcache
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:s3api]
use = egg:swift#s3api
[filter:tempauth]
use = egg:swift#tempauth
user_${account}_${user} = $key .admin
[filter:copy]
use = egg:swift#copy
[filter:container-quotas]
use = egg:swift#container_quotas
[filter:slo]
use = egg:swift#slo
[filter:dlo]
use = egg:swift#dlo
[filter:versioned_writes]
use = egg:swift#versioned_writes
allow_versioned_writes = true
allow_object_versioning = true
[filter:symlink]
use = egg:swift#symlink
END
chown -R root:swift $conf "$PWD"
chmod -R g+rX "$PWD"

systemctl start memcached swift-account swift-container swift-object swift-proxy
here=https://127.0.0.1:8443
for address in http://127.0.0.1:6200 http://127.0.0.1:6201 http://127.0.0.1:6202 $here/info; do # the proxy asks those
    curl -sk --retry 100 --retry-delay 1 --retry-connrefused --output /dev/null $address
done
said=$(printf 'header = "X-Auth-User: %s:%s"\nheader = "X-Auth-Key: %s"\n' "$account" "$user" "$key" |
    curl -sfki --config - $here/auth/v1.0)
token=$(echo "$said" | tr -d '\r' | sed -n 's/^X-Auth-Token: *//Ip')
curl -sfk -X PUT -H "X-Auth-Token: $token" "$here/v1/AUTH_$account/$bucket" >/dev/null
