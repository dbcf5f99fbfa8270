"""Delivers messages through sessions: waits for the answers, and retries where that is safe."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Mapping

from ..light import Any
from ..receipts import Receipt, Status
from ..rendering.addresses import NeedsSMTPUTF8
from ..rendering.envelope import Envelope, several
from ..rendering.sender import sent_by
from .local_sender import check_leaves
from .progress import AnySession, Delivery, SessionSource, receipt_for
from .retrying import pause


class DeliveryAgent:
    """Delivers messages, up to `window` at a time, and returns a receipt for each.

    A `window` over 1 says that the server can be trusted with content that it hasn't agreed to
    take yet (BDAT).

    A message is rendered once, before its first try. It is tried again where nobody can get it
    twice: once and at once if its session was used before and turned out dead, and up to
    `retries` times after a temporary refusal. With `leaving`, QUIT is sent together with the last
    message. With `stopping`, the caller stops at the first failure: no content leaves before the
    message ahead of it was taken.
    """

    def __init__(
        self,
        source: SessionSource,
        *,
        window: int = 1,
        retries: int = 0,
        leaving: bool = False,
        stopping: bool = False,
        sender: str = "",
    ) -> None:
        self._source = source
        self._sender = sender
        self._window = window
        self._retries = retries
        self._leaving = leaving and not retries
        self._stopping = stopping
        self._eight_bit = True
        self._session: AnySession | None = None  # of the message begun last
        self._deliveries: deque[Delivery] = deque()  # oldest first
        self._chunking = window > 1
        self._in_step = False  # one command at a time, because the server is confused by more

    def deliver(self, message: Any) -> Receipt:
        """Deliver one message."""
        delivery = Delivery(message)
        self._deliveries.append(delivery)
        try:
            if self._render(delivery):
                self._begin(delivery)
            self._leave()
            receipt = self._finish(delivery)
        except BaseException as error:
            self._withdraw(delivery)
            self._attach_receipts(error)
            raise
        self._deliveries.clear()
        return receipt

    def each(self, messages: Iterable[Any]) -> Generator[Receipt, None, None]:
        """Deliver messages, and yield their receipts in order, each as soon as it is known.

        If `messages` raises, the receipts of messages on their way come before the error.
        """
        deliveries = self._deliveries
        failure: BaseException | None = None
        messages = iter(several(messages))
        try:
            while True:
                try:
                    message = next(messages)
                except StopIteration:
                    break
                except Exception as error:
                    failure = error
                    break
                delivery = Delivery(message)
                sound = self._render(delivery)  # while the answers to those before are on their way
                while deliveries and not self._may_follow(deliveries[-1]):
                    yield self._finish(deliveries[0])
                    deliveries.popleft()
                deliveries.append(delivery)  # and taken off when its receipt has been passed on
                if sound:
                    self._begin(delivery)
                while deliveries and (deliveries[0].receipt or not self._may_wait()):
                    yield self._finish(deliveries[0])
                    deliveries.popleft()
            while self._stopping and len(deliveries) > 1:
                yield self._finish(deliveries[0])
                deliveries.popleft()
            self._leave()
            while deliveries:
                yield self._finish(deliveries[0])
                deliveries.popleft()
        except GeneratorExit:
            for delivery in deliveries:
                self._serve_the_rest(delivery)
            raise
        finally:
            # The caller stopped early. Wait for the server's answers, so that messages already
            # handed over arrive.
            if self._stopping:
                self._hold_back()
            for delivery in deliveries:
                if delivery.transaction is not None:
                    self._result(delivery)
        if failure is not None:
            raise failure

    def each_noted(
        self, messages: Iterable[Any], lock: Any, note: Callable[[Receipt], object]
    ) -> Generator[Receipt, None, None]:
        """Do what `each()` does, a message at a time under the lock, and note each receipt.

        An exception that interrupts it gets `receipts`: of the messages on their way, of which the
        caller hasn't heard.
        """
        receipts = self.each(messages)
        try:
            while True:
                with lock:
                    receipt = next(receipts, None)
                if receipt is None:
                    return
                note(receipt)
                yield receipt
        except GeneratorExit:
            raise
        except BaseException as error:
            receipts.close()
            self._attach_receipts(error)
            raise
        finally:
            receipts.close()

    def _attach_receipts(self, error: BaseException) -> None:
        begun = [
            delivery
            for delivery in self._deliveries
            if delivery.receipt or delivery.transaction or delivery.past
        ]
        error.receipts = [self._report(delivery) for delivery in begun]  # type: ignore[attr-defined]

    def _report(self, delivery: Delivery) -> Receipt:
        """Return the receipt of a message that was interrupted."""
        if delivery.transaction is not None:
            self._result(delivery)
        return delivery.whole()

    def _withdraw(self, delivery: Delivery) -> None:
        """Send no more of a message, and wait for nothing."""
        if delivery.session is not None:
            delivery.session.close()

    def _leave(self) -> None:
        if not self._leaving or any(delivery.todo for delivery in self._deliveries):
            return
        sessions = [
            delivery.session for delivery in self._deliveries if delivery.session is not None
        ]
        if sessions:
            sessions[-1].leave()

    def _hold_back(self) -> None:
        """Take back all messages but the oldest. Their content has not left.

        RFC 5321, 4.1.1.10, would have us say QUIT. But a server that is waiting for content, or is
        about to, would take it for that; and it must drop a message whose content isn't complete.
        """
        for delivery in list(self._deliveries)[1:]:
            if delivery.session is not None and delivery.receipt is None:
                delivery.session.close()
                delivery.session = delivery.transaction = None
                delivery.put_back()

    def _may_follow(self, last: Delivery) -> bool:
        """May another message begin after the last one, before the oldest is finished?"""
        # It must not overtake those whose session broke down.
        return not self._deliveries[0].is_stranded() and len(self._deliveries) <= self._ahead(last)

    def _may_wait(self) -> bool:
        """Can the oldest message be finished later, after another one was rendered?"""
        ahead = self._ahead(self._deliveries[-1])
        return ahead > 0 and len(self._deliveries) <= ahead + 1

    def _ahead(self, delivery: Delivery) -> int:
        session = delivery.session
        if session is None:
            return 0
        if self._stopping:  # BDAT would bring content, and so would the next part's commands
            brings = self._chunking and "chunking" in session.features
            return 0 if brings or delivery.todo else session.ahead(1)
        return session.ahead(self._window)

    def _begin(self, delivery: Delivery) -> None:
        """Send as much of a message as can be sent now; `delivery.receipt` says why it can't."""
        delivery.transaction = delivery.receipt = delivery.session = None
        try:
            session, delivery.fresh = self._source.ready_session(self._session)
        except OSError as error:
            delivery.receipt = receipt_for(delivery, Status.DEFERRED, error)
            return
        self._session = session
        if self._in_step:
            session.go_without("pipelining")
        if not _fits(delivery.envelope, session.features) and not self._render(
            delivery, session.features
        ):
            return
        envelope = delivery.envelope
        assert envelope is not None
        if delivery.todo is not None or len(envelope.recipients) > session.most_recipients:
            envelope = delivery.take(session.most_recipients)
        delivery.part = envelope
        try:
            transaction = session.prepare(envelope, chunking=self._chunking)
        except (ValueError, OSError) as error:  # this server can't take it
            delivery.receipt = receipt_for(delivery, Status.REFUSED, error)
            return
        check_leaves(transaction.envelope.sender, session)
        delivery.session, delivery.transaction = session, transaction
        session.begin(transaction)

    def _render(self, delivery: Delivery, features: Mapping[str, str] | None = None) -> bool:
        """Make the envelope, for a server with these features or, at first, for most servers."""
        if features is not None:
            self._eight_bit = "8bitmime" in features
        utf8 = features is not None and "smtputf8" in features
        try:
            message = sent_by(delivery.message, self._sender)
            delivery.envelope = Envelope.of(message, eight_bit=self._eight_bit, utf8=utf8)
        except Exception as error:
            if features is None and isinstance(error, NeedsSMTPUTF8):
                return True  # some servers have it
            delivery.receipt = receipt_for(delivery, Status.REFUSED, error)
        else:
            if not delivery.envelope.recipients:
                delivery.receipt = receipt_for(delivery, Status.REFUSED, None)
        return delivery.receipt is None

    def _finish(self, delivery: Delivery) -> Receipt:
        """Wait until the message's fate is known, trying again while that is safe."""
        if delivery.session is None and delivery.receipt is None:  # it was held back
            self._begin(delivery)
        receipt = self._result(delivery)
        if receipt.error is None and not (receipt.refused or delivery.todo):
            return receipt
        if self._stopping and receipt.error is not None:
            self._hold_back()
        while self._goes_on(delivery):
            if self._stopping:
                self._hold_back()
            self._begin(delivery)
            self._result(delivery)
        return delivery.whole()

    def _serve_the_rest(self, delivery: Delivery) -> None:
        """Ask for all recipients of a message on its way, though the caller has stopped early."""
        while not self._stopping and delivery.transaction is not None:
            self._result(delivery)
            if not (names := delivery.at_once()):
                return
            delivery.turn_to(names)
            self._begin(delivery)

    def _goes_on(self, delivery: Delivery) -> bool:
        """Decide whether to ask again, and whom: only those who surely were not served."""
        receipt = delivery.receipt
        # After an unknown end, the caller decides.
        if receipt is None or receipt.status is Status.UNKNOWN:
            return False
        safe = receipt.retry_is_safe
        if self._can_go_plainer(delivery) or (safe and self._can_change_session(delivery)):
            delivery.put_back()
        elif names := delivery.at_once() or self._after_a_pause(delivery):
            delivery.turn_to(names)
        else:
            return False
        return True

    def _result(self, delivery: Delivery) -> Receipt:
        if delivery.receipt is None:
            assert delivery.session is not None
            assert delivery.transaction is not None
            delivery.receipt = receipt_for(delivery, *delivery.session.finish(delivery.transaction))
        return delivery.receipt

    def _can_go_plainer(self, delivery: Delivery) -> bool:
        """Decide about a message that was refused because of BDAT or PIPELINING, it seems."""
        transaction = delivery.transaction
        if transaction is None:
            return False
        if transaction.unread and self._chunking:
            self._window, self._chunking = 1, False
            return True
        if not transaction.ungrouped or self._in_step or not delivery.was_refused():
            return False
        self._in_step = True
        return True

    def _can_change_session(self, delivery: Delivery) -> bool:
        """Decide about a message whose session was used before and is over."""
        # A server that ends each session after a few messages is no failure.
        session = delivery.session
        if session is None or not delivery.is_stranded() or delivery.fresh:
            return False
        if delivery.replaced and not session.settled:
            return False
        delivery.replaced = True
        return True

    def _after_a_pause(self, delivery: Delivery) -> tuple[str, ...]:
        """Wait before a retry, and return those for whom there is one."""
        if delivery.session is None:
            return ()  # no server available; opening a session was already retried
        if delivery.tries == self._retries or not (names := delivery.deferred()):
            return ()
        pause(delivery.tries)
        delivery.tries += 1
        return names


def _fits(envelope: Envelope | None, features: Mapping[str, str]) -> bool:
    return envelope is not None and not (
        (envelope.eight_bit and "8bitmime" not in features)
        or (envelope.utf8 and "smtputf8" not in features)
    )
