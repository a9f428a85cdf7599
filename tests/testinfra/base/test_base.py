"""Every node knows its own name and those of all others, and has what the roles build on."""

BLOCK = "sed -n '/^# BEGIN cluster /,/^# END cluster /{/^#/!p}' /etc/hosts"
ADMIN = "admin=$(cut -d' ' -f1 /etc/sudoers.d/90-cluster)"

COLLECT = {
    "hostname": "hostname; cat /etc/hostname",
    "resolved": f"""{BLOCK} | while read -r _ names; do for name in $names; do
        echo "$name $(getent ahosts "$name" | awk 'NR == 1 {{print $1}}')"; done; done""",
    "packages": "dpkg-query -W -f '${Package} ${db:Status-Status}\\n'",
    "repositories": "apt-get indextargets --format '$(SOURCESENTRY)' 'Created-By: Packages'",
    "unfinished": "dpkg --audit; ls /var/lib/dpkg/updates",
    "start ban": "cat /usr/sbin/policy-rc.d",
    "timezone": "cat /etc/timezone; date +%z; TZ=$(cat /etc/timezone) date +%z",
    "locale": '. /etc/default/locale; echo "$LANG"; LC_ALL=$LANG locale charmap',
    "sysctl": """sed -n 's/ = .*//p' /etc/sysctl.d/90-cluster.conf | while read -r key; do
        echo "$key=$(cat "/proc/sys/$(echo "$key" | tr ./ /.)" | xargs)"; done""",
    "sudo": f'{ADMIN}; runuser -u "$admin" -- sudo -n id -un',
    "keys": f'{ADMIN}; cat "$(getent passwd "$admin" | cut -d: -f6)/.ssh/authorized_keys"',
}


def test_it_has_its_name(node, observed):
    assert observed["hostname"].stdout.split() == [node.vars["base_hostname"]] * 2


def test_names_lead_to_their_addresses(node, observed):
    found = dict(line.split() for line in observed["resolved"].stdout.splitlines() if " " in line.strip())
    wanted = {name: host["address"] for host in node.vars["base_hosts"] for name in host["names"]}
    assert found == wanted


def test_its_own_name_is_not_a_loopback(node, observed):
    found = dict(line.split() for line in observed["resolved"].stdout.splitlines() if " " in line.strip())
    assert found[node.vars["base_hostname"]] == node.addresses["cluster"]


def test_its_package_repositories_are_in_use(node, observed):
    entries = {line.split(":")[0] for line in observed["repositories"].stdout.splitlines()}
    names = [each["name"] for each in node.vars.get("base_repositories", [])]
    wanted = {f"/etc/apt/sources.list.d/cluster-{name}.sources" for name in names}
    assert {entry for entry in entries if "/cluster-" in entry} == wanted


def test_its_packages_are_installed(node, observed):
    states = dict(line.split() for line in observed["packages"].stdout.splitlines())
    wanted = [name.split("=")[0] for name in node.vars["base_packages"]]
    assert {name: states.get(name) for name in wanted} == dict.fromkeys(wanted, "installed")


def test_no_package_is_half_installed(observed):
    assert observed["unfinished"].stdout.strip() == ""
    assert "exit 101" not in observed["start ban"].stdout, "a killed run left a ban on starting services"


def test_its_timezone_counts(node, observed):
    name, offset, wanted = observed["timezone"].stdout.split()
    assert name == node.vars["base_timezone"]
    assert offset == wanted


def test_its_locale_exists(node, observed):
    name, charmap = observed["locale"].stdout.split()
    assert name == node.vars["base_locale"]
    assert observed["locale"].stderr == ""
    assert charmap == "UTF-8" or not name.upper().endswith("UTF-8")


def test_kernel_settings_are_live(node, observed):
    found = dict(line.split("=", 1) for line in observed["sysctl"].stdout.splitlines())
    wanted = {key: " ".join(str(value).split()) for key, value in node.vars["base_sysctl"].items()}
    assert found == wanted


def test_the_administrator_becomes_root_without_a_password(observed):
    assert observed["sudo"].stdout.strip() == "root", observed["sudo"].stderr


def test_the_administrators_keys_are_let_in(node, observed):
    known = observed["keys"].stdout.split()
    assert [key for key in node.vars["base_admin_keys"] if key.split()[1] not in known] == []
