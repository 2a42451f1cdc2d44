from local.programs import PROCESSES, WAVES, Site
from local.stores import STOP
from local.supervisor import LONGEST_WAIT, STABLE, WAIT, Care

LIMIT = 15.0  # seconds a house has to stop in: surface.md


def test_a_child_that_keeps_dying_waits_longer_each_time_but_not_for_ever():
    care, waits = Care(since=0.0), []
    for now in range(10):
        care.died(float(now))
        waits.append(care.due - now)
        care.born(float(now))
    assert waits[:3] == [WAIT, WAIT * 2, WAIT * 4]
    assert waits[-1] == LONGEST_WAIT


def test_a_child_that_lived_well_is_started_at_once():
    care = Care(since=0.0, deaths=9)
    care.died(STABLE + 1)
    assert care.due == STABLE + 1 + WAIT


def test_every_process_stops_in_some_wave():
    assert {name for wave in WAVES for name in wave} == {*PROCESSES, "redis", "postgres"}


def test_all_waves_together_end_in_time():
    graces = {name: process.grace for name, process in PROCESSES.items()}
    graces |= {"redis": STOP, "postgres": STOP}
    assert sum(max(graces[name] for name in wave) for wave in WAVES) < LIMIT


def test_no_secret_is_an_argument(tmp_path):
    site = Site(tmp_path, web=1, sandbox=2, flower=3, workers=2, uploads=1)
    hidden = {"TIKTOK_CLIENT_SECRET": "hush", "FLOWER_BASIC_AUTH": "signalpost:hush"}
    environment = {**hidden, "TIKTOK_REDIRECT_URI": "http://127.0.0.1:1/back"}
    words = [word for each in PROCESSES.values() for word in each.command(site, environment)]
    assert not [word for word in words if "hush" in word]
