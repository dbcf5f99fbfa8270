"""What override_settings() and capture() share: the decorated forms, and leaving in any order."""

from __future__ import annotations

import asyncio
import functools
import gc
import threading
import unittest

import pytest

from simplemail import configure, override_settings, settings
from simplemail.testing import capture

DEFAULT = settings.EMAIL_HOST


def host(name: str) -> override_settings:
    return override_settings(EMAIL_HOST=name)


@pytest.fixture(autouse=True)
def _nothing_is_left():
    yield
    assert settings.EMAIL_HOST == DEFAULT
    assert repr(settings) == "<Settings: all defaults>"


def run(case: type[unittest.TestCase]) -> unittest.TestResult:
    """Run a test case's tests; what they saw is in its class's `seen`."""
    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromTestCase(case).run(result)
    assert not result.errors, result.errors[0][1]
    return result


@pytest.mark.parametrize(
    ("scope", "right"),
    [
        (capture, r"@capture\(\)"),
        (override_settings, r"@override_settings\(EMAIL_URL='memory:'\)"),
    ],
)
def test_a_decorator_without_parentheses_says_how_it_is_written(scope, right):
    with pytest.raises(TypeError, match=f"takes no function; write it with parentheses: {right}"):

        @scope
        def test():
            pass


class TestFunctions:
    def test_is_entered_anew_for_every_call(self):
        @host("inside")
        def seen(depth):
            configure(EMAIL_HOST=f"{settings.EMAIL_HOST}-{depth}")
            return [settings.EMAIL_HOST, *(seen(depth - 1) if depth else [])]

        assert seen(1) == ["inside-1", "inside-0"]
        assert seen(0) == ["inside-0"]

    def test_arguments_results_and_names_pass_through(self):
        @host("inside")
        def add(a, *, b):
            """Adds."""
            return a + b

        assert add(1, b=2) == 3
        assert (add.__name__, add.__doc__) == ("add", "Adds.")

    def test_an_exception_passes_and_the_scope_is_left(self):
        @host("inside")
        def fail():
            raise LookupError(settings.EMAIL_HOST)

        with pytest.raises(LookupError, match="inside"):
            fail()

    @pytest.mark.parametrize("wrong", [5, None, classmethod(print), property(print)])
    def test_what_cannot_be_called_is_refused(self, wrong):
        with pytest.raises(TypeError, match="override_settings decorates functions and classes"):
            host("inside")(wrong)

    @host("inside")
    def test_pytest_gives_a_decorated_test_its_fixtures(self, tmp_path):
        assert tmp_path.exists()
        assert settings.EMAIL_HOST == "inside"

    def test_a_decorated_fixture_holds_for_its_test(self, decorated_fixture):
        assert settings.EMAIL_HOST == "fixture"
        decorated_fixture.append("used")


@pytest.fixture
@host("fixture")
def decorated_fixture():
    used = []
    yield used
    assert used == ["used"]
    assert settings.EMAIL_HOST == "fixture"


class TestGenerators:
    def test_holds_while_the_generator_runs(self):
        @host("inside")
        def generator():
            got = yield settings.EMAIL_HOST
            return (got, settings.EMAIL_HOST)

        running = generator()
        assert settings.EMAIL_HOST == DEFAULT
        assert next(running) == "inside"
        with pytest.raises(StopIteration) as stop:
            running.send("sent")
        assert stop.value.value == ("sent", "inside")
        assert settings.EMAIL_HOST == DEFAULT

    def test_a_generator_that_is_dropped_leaves_its_scope(self):
        @host("inside")
        def generator():
            yield

        running = generator()
        next(running)
        del running
        gc.collect()

        assert settings.EMAIL_HOST == DEFAULT


class TestCoroutines:
    def test_holds_while_the_coroutine_runs(self):
        @host("inside")
        async def seen():
            before = settings.EMAIL_HOST
            await asyncio.sleep(0)
            return [before, settings.EMAIL_HOST]

        waiting = seen()
        assert settings.EMAIL_HOST == DEFAULT
        assert asyncio.run(waiting) == ["inside", "inside"]

    def test_a_coroutine_function_may_be_hidden_by_another_decorator(self):
        async def seen():
            await asyncio.sleep(0)
            return settings.EMAIL_HOST

        class Callable:
            async def __call__(self):
                return await seen()

        for hidden in (lambda: seen(), Callable(), functools.partial(seen)):
            waiting = host("inside")(hidden)()
            assert settings.EMAIL_HOST == DEFAULT
            assert asyncio.run(waiting) == "inside"

    def test_async_generators_too(self):
        left = []

        @host("inside")
        async def generator():
            try:
                yield settings.EMAIL_HOST
                await asyncio.sleep(0)
                yield settings.EMAIL_HOST
            finally:
                left.append(settings.EMAIL_HOST)

        async def collect():
            return [value async for value in generator()]

        async def stop_early():
            running = generator()
            await anext(running)
            await running.aclose()
            return settings.EMAIL_HOST

        assert asyncio.run(collect()) == ["inside", "inside"]
        assert asyncio.run(stop_early()) == DEFAULT
        assert left == ["inside", "inside"]

    def test_tasks_side_by_side_leave_nothing_behind(self):
        """The first to enter is the first to leave, which is not the order of a stack."""

        async def task(name, start, stop):
            await start.wait()
            with host(name):
                await stop.wait()

        async def side_by_side():
            events = [asyncio.Event() for _ in range(4)]
            start_a, start_b, stop_a, stop_b = events
            tasks = [
                asyncio.create_task(task("a", start_a, stop_a)),
                asyncio.create_task(task("b", start_b, stop_b)),
            ]
            seen = []
            for event in (start_a, start_b, stop_a, stop_b):
                event.set()
                for _ in range(3):
                    await asyncio.sleep(0)
                seen.append(settings.EMAIL_HOST)
            await asyncio.gather(*tasks)
            return seen

        assert asyncio.run(side_by_side()) == ["a", "b", "b", DEFAULT]


class TestClasses:
    def test_methods_that_begin_with_test_are_wrapped(self):
        @host("inside")
        class Tests:
            factory = test_factory = dict

            def test_method(self):
                return settings.EMAIL_HOST

            @staticmethod
            def test_static():
                return settings.EMAIL_HOST

            @classmethod
            def test_class(cls):
                return (cls, settings.EMAIL_HOST)

            async def test_async(self):
                return settings.EMAIL_HOST

            @property
            def test_property(self):
                return settings.EMAIL_HOST

            def helper(self):
                return settings.EMAIL_HOST

        tests = Tests()
        assert tests.test_method() == "inside"
        assert tests.test_static() == Tests.test_static() == "inside"
        assert tests.test_class() == (Tests, "inside")
        assert asyncio.run(tests.test_async()) == "inside"
        assert tests.test_property == tests.helper() == DEFAULT
        assert tests.test_factory(a=1) == {"a": 1}

    def test_inherited_methods_are_wrapped_and_the_parent_is_left_alone(self):
        class Parent:
            def test_it(self):
                return settings.EMAIL_HOST

        @host("inside")
        class Child(Parent):
            pass

        assert Child().test_it() == "inside"
        assert Parent().test_it() == DEFAULT

    def test_a_subclass_wins_over_what_it_inherits(self):
        @host("parent")
        class Parent:
            def test_it(self):
                return settings.EMAIL_HOST

        @host("child")
        class Child(Parent):
            def test_own(self):
                return settings.EMAIL_HOST

        @host("grandchild")
        class Grandchild(Child):
            pass

        assert (Child().test_it(), Parent().test_it()) == ("child", "parent")
        assert (Grandchild().test_it(), Grandchild().test_own()) == ("grandchild", "grandchild")

    def test_the_nearer_of_two_decorators_wins(self):
        @host("farther")
        @host("nearer")
        class Tests:
            def test_it(self):
                return settings.EMAIL_HOST

            @host("nearest")
            def test_decorated(self):
                return settings.EMAIL_HOST

        @override_settings(EMAIL_PORT=1)
        class Child(Tests):
            pass

        assert Tests().test_it() == Child().test_it() == "nearer"
        assert Tests().test_decorated() == Child().test_decorated() == "nearest"

    def test_other_decorators_in_between_are_kept(self):
        def shouting(cls):
            for name in ("test_it",):
                method = getattr(cls, name)
                shout = functools.wraps(method)(lambda self, f=method: f(self).upper())
                setattr(cls, name, shout)
            return cls

        @shouting
        @host("parent")
        class Parent:
            def test_it(self):
                return settings.EMAIL_HOST

        @override_settings(EMAIL_PORT=1)
        class Child(Parent):
            pass

        assert Child().test_it() == "PARENT"


class TestUnittest:
    def test_holds_from_set_up_to_the_last_cleanup(self):
        seen = []

        @host("inside")
        class Case(unittest.TestCase):
            def setUp(self):
                seen.append(("setUp", settings.EMAIL_HOST))
                self.addCleanup(lambda: seen.append(("cleanup", settings.EMAIL_HOST)))

            def tearDown(self):
                seen.append(("tearDown", settings.EMAIL_HOST))

            def test_it(self):
                seen.append(("test", settings.EMAIL_HOST))

        assert run(Case).testsRun == 1
        assert seen == [(when, "inside") for when in ("setUp", "test", "tearDown", "cleanup")]

    def test_every_test_starts_afresh(self):
        seen = []

        @host("inside")
        class Case(unittest.TestCase):
            def test_1(self):
                configure(EMAIL_HOST="changed")

            def test_2(self):
                seen.append(settings.EMAIL_HOST)

        run(Case)

        assert seen == ["inside"]

    def test_coroutines_and_async_set_up(self):
        seen = []

        @host("inside")
        class Case(unittest.IsolatedAsyncioTestCase):
            async def asyncSetUp(self):
                seen.append(settings.EMAIL_HOST)

            async def test_it(self):
                await asyncio.sleep(0)
                seen.append(settings.EMAIL_HOST)

        run(Case)

        assert seen == ["inside", "inside"]

    def test_decorated_methods_alone(self):
        seen = []

        class Case(unittest.IsolatedAsyncioTestCase):
            @host("sync")
            def test_1(self):
                seen.append(settings.EMAIL_HOST)

            @host("async")
            async def test_2(self):
                seen.append(settings.EMAIL_HOST)

            def test_3(self):
                seen.append(settings.EMAIL_HOST)

        run(Case)

        assert seen == ["sync", "async", DEFAULT]

    def test_a_failing_test_leaves_nothing_behind(self):
        @host("inside")
        class Case(unittest.TestCase):
            def test_it(self):
                self.fail("on purpose")

            @unittest.skip("on purpose")
            def test_skipped(self):
                pass

        result = run(Case)

        assert (len(result.failures), len(result.skipped)) == (1, 1)
        assert settings.EMAIL_HOST == DEFAULT

    def test_subclasses_and_two_scopes(self):
        seen = []

        @capture()
        @host("parent")
        class Parent(unittest.TestCase):
            def test_it(self):
                seen.append(settings.EMAIL_HOST)

        @host("child")
        class Child(Parent):
            pass

        run(Parent)
        run(Child)

        assert seen == ["parent", "child"]

    def test_debug_runs_inside_too(self):
        seen = []

        @host("inside")
        class Case(unittest.TestCase):
            def test_it(self):
                seen.append(settings.EMAIL_HOST)

        Case("test_it").debug()

        assert seen == ["inside"]


class TestBlocks:
    def test_one_scope_may_be_entered_again_while_it_is_open(self):
        scope = host("inside")
        with scope:
            with scope:
                assert settings.EMAIL_HOST == "inside"
            assert settings.EMAIL_HOST == "inside"
        with scope:
            assert settings.EMAIL_HOST == "inside"
        assert settings.EMAIL_HOST == DEFAULT

    def test_the_inner_one_keeps_what_the_outer_one_set(self):
        with host("outer"), override_settings(EMAIL_PORT=26):
            assert (settings.EMAIL_HOST, settings.EMAIL_PORT) == ("outer", 26)

    def test_leaving_in_any_order_leaves_nothing_behind(self):
        scopes = [host("a"), override_settings(EMAIL_PORT=26), host("c")]
        for order in ([0, 1, 2], [2, 1, 0], [1, 0, 2], [0, 2, 1], [1, 2, 0], [2, 0, 1]):
            for scope in scopes:
                scope.__enter__()
            for left in order:
                scopes[left].__exit__(None, None, None)
            assert repr(settings) == "<Settings: all defaults>", order

    def test_later_scopes_stay_when_an_earlier_one_is_left(self):
        first, second = host("first"), override_settings(EMAIL_PORT=26)
        first.__enter__()
        with second:
            first.__exit__(None, None, None)
            assert (settings.EMAIL_HOST, settings.EMAIL_PORT) == (DEFAULT, 26)
        assert settings.EMAIL_PORT == 25

    def test_what_is_configured_lasts_as_long_as_the_newest_scope(self):
        outer, inner = host("outer"), override_settings(EMAIL_PORT=26)
        outer.__enter__()
        configure(EMAIL_TIMEOUT=5)
        inner.__enter__()
        configure(EMAIL_HOST_USER="ann")

        outer.__exit__(None, None, None)
        assert (settings.EMAIL_TIMEOUT, settings.EMAIL_PORT) == (60, 26)
        assert settings.EMAIL_HOST_USER == "ann"
        inner.__exit__(None, None, None)
        assert repr(settings) == "<Settings: all defaults>"

    def test_what_is_configured_outlasts_a_scope_that_was_entered_later(self):
        with host("outer"):
            configure(EMAIL_TIMEOUT=5)
            with override_settings(EMAIL_PORT=26):
                pass
            assert (settings.EMAIL_HOST, settings.EMAIL_TIMEOUT) == ("outer", 5)

    def test_many_threads_leave_nothing_behind(self):
        barrier = threading.Barrier(8)

        def work(number):
            for _ in range(50):
                with host(f"thread-{number}"):
                    barrier.wait(timeout=30)

        threads = [threading.Thread(target=work, args=[number]) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert settings.EMAIL_HOST == DEFAULT
