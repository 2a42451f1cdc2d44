"""The bill of materials says what the lock says, and is the same whenever it is written."""

from local.sbom import build_bom

LOCK = """\
flask==3.1.3 \\
    --hash=sha256:{a} \\
    --hash=sha256:{b}
    # via signalpost
No_Such.Package==1.0 ; sys_platform == 'win32' \\
    --hash=sha256:{c}
""".format(a="a" * 64, b="b" * 64, c="c" * 64)


def build(lock=LOCK, epoch=1_800_000_000):
    return build_bom(lock, name="signalpost", version="1.2.3", epoch=epoch)


def test_each_package_is_a_component_with_the_hashes_of_its_wheels():
    flask, missing = build()["components"]
    assert (flask["purl"], flask["version"]) == ("pkg:pypi/flask@3.1.3", "3.1.3")
    hashes = [each["hashes"][0]["content"] for each in flask["externalReferences"]]
    assert hashes == ["a" * 64, "b" * 64]
    assert "BSD" in str(flask["licenses"])
    assert missing["purl"] == "pkg:pypi/no-such-package@1.0"
    assert "licenses" not in missing  # of another system, so it is not installed here


def test_dependencies_are_those_that_are_locked():
    root, flask, missing = build()["dependencies"]
    assert root["dependsOn"] == ["pkg:pypi/flask@3.1.3"]
    assert flask["dependsOn"] == []  # what it needs is not in this lock
    assert missing["dependsOn"] == []


def test_the_same_lock_gives_the_same_bill_and_another_one_another_number():
    assert build() == build()
    assert build()["metadata"]["timestamp"] == "2027-01-15T08:00:00+00:00"
    other = build(LOCK.replace("3.1.3", "3.1.4"))
    assert other["serialNumber"] != build()["serialNumber"]
