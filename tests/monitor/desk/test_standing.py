from monitor.complaints.lifecycle import ComplaintState
from monitor.desk import standing


def test_every_state_says_what_comes_next_and_names_only_commands_that_there_are():
    from typer.main import get_command

    from monitor.commands.complaints import complaints, register

    register(__import__("typer").Typer())
    known = set(get_command(complaints).commands)
    assert set(standing._NEXT) == {state.value for state in ComplaintState}
    for line in standing._NEXT.values():
        named = {part.split()[2] for part in line.split("`")[1::2] if part.startswith("bazaarwatch complaints")}
        assert named <= known, line
