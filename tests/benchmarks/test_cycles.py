"""The measurement of cycles, in its short form: what it claims at length holds here."""

from benchmarks.cycles import NEEDED, delay, measured, table, verdicts

SHORT = 150_000


def test_a_swing_needs_a_context_or_a_tolerance_that_is_blind() -> None:
    check, *ways = measured("sine 50%", 0, SHORT)
    assert check["kind"] == "hour"
    narrow, wide, context = ways
    assert narrow["alarms"] > 0 or narrow["early"]
    assert wide["alarms"] == context["alarms"] == 0
    assert not context["early"]
    found = context["waits"]
    assert all(0 < each < 20_000 for each in found)
    missed = [each for each in wide["waits"] if each is not None]
    assert all(each < 0 or each > mine for each, mine in zip(missed, found, strict=True))


def test_without_a_cycle_nothing_is_kept_and_nothing_fires() -> None:
    check, way = measured("none", 0, SHORT)
    assert check["kind"] == ""
    assert way["alarms"] == 0


def test_the_tables_hold_what_was_measured() -> None:
    rows = [*measured("sine 20%", 0, 0), *measured("slow", 0, 0)]
    assert [line.split("|")[1].strip() for line in verdicts(rows)][2:] == ["slow", "sine 20%"]
    way = {"case": "none", "seed": 0, "part": "way", "way": "5%", "records": 10**6,
           "alarms": 2, "early": False, "waits": [100.0, -1, -1]}  # fmt: skip
    missed = "- / - (0 of 1)"
    line = f"| none | 5% | 2.00 | 100 / 100 | {missed} | {missed} | 0 of 1 |"
    assert list(table([way]))[2] == line
    assert delay([None, None]) == "-"
    assert set(NEEDED.values()) == {0.1, 0.2, 0.5}
