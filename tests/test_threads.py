"""Work in threads: in order, only a little ahead."""

from __future__ import annotations

from tlbench.threads import in_threads


def test_threads_keep_the_order_and_work_only_a_little_ahead() -> None:
    begun: list[int] = []

    def work(item: int) -> int:
        begun.append(item)
        return item * item

    results = in_threads(work, range(1000))
    assert [next(results) for _ in range(3)] == [0, 1, 4]
    assert len(begun) < 500
    results.close()
    assert list(in_threads(work, [])) == []
