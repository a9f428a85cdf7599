"""What fails in a stage that stands apart fails the run, and stops nothing else."""

from cluster_cli.errors import ClusterError, Exit
from cluster_cli.events import TaskEnded
from cluster_cli.runner import Converged
from cluster_cli.stages import APART, STAGES, stages_for
from cluster_cli.up import Outcome, to_verify

GROUPS = {"base", "prometheus", "grafana"}


def failed(stage: str) -> Converged:
    return Converged(failures=(TaskEnded(stage, stage, "Install", "mon1", "failed", 1.0, "there is none"),))


def test_nothing_comes_after_a_stage_that_stands_apart() -> None:
    """Ansible goes on without a node on which something failed, so what comes after would not be done there."""
    names = [stage.name for stage in STAGES]
    assert set(names[-len(APART) :]) == APART


def test_a_failure_apart_fails_the_run_and_stops_nothing() -> None:
    outcome = Outcome(failed("grafana"))
    assert (outcome.code, outcome.converged.failed) == (Exit.FAILED, True)
    assert (outcome.converged.stopped, outcome.done) == (False, True)


def test_any_other_failure_stops() -> None:
    both = Converged(failures=(*failed("grafana").failures, *failed("monitoring").failures))
    for converged in (failed("monitoring"), both, Converged(said="no"), Converged(interrupted=True)):
        assert converged.stopped
        assert not Outcome(converged).done


def test_a_node_that_was_not_reached_is_not_done() -> None:
    assert not Outcome(unreachable=[ClusterError("mon1 does not answer")]).done
    assert not Outcome(Converged(unreachable=("mon1",))).done
    assert Outcome().done


def test_what_failed_apart_is_not_verified() -> None:
    stages = stages_for(GROUPS)
    assert to_verify(stages, Converged(), GROUPS, everything=True) == ()
    assert to_verify(stages, failed("grafana"), GROUPS, everything=True) == ["base", "prometheus"]
    only = stages_for(GROUPS, ("grafana",))
    assert to_verify(only, Converged(), GROUPS, everything=False) == ["grafana"]
    assert to_verify(only, failed("grafana"), GROUPS, everything=False) is None
    assert to_verify((), Converged(), GROUPS, everything=False) == []
